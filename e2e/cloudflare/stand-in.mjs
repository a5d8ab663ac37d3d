// Stands for one account of the platform, on loopback: `node stand-in.mjs TOOLS`, where miniflare is. It keeps what wrangler
// makes in it, and runs the Worker that wrangler uploads in workerd, with its bindings and secrets.
//
// It tells two ports in a line of JSON, of the platform and of the Worker, and ends with its input. `GET /account` shows what
// the account holds and counts the changes; `PUT /trouble` with `{ "method", "path", "code" }` lets requests that match fail
// until another is put.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { randomUUID } from "node:crypto";

const { Log, LogLevel, Miniflare } = createRequire(join(process.argv[2], "package.json"))("miniflare");
const ACCOUNT = "0123456789abcdef0123456789abcdef";
const SUBDOMAIN = "stand-in";

const account = { buckets: [], databases: [], workers: {}, changes: [] };
let trouble = null;
let running = null;
let port = 0;

/// What the platform answers with.
class Refusal extends Error {
  constructor(status, code, message) {
    super(message);
    Object.assign(this, { status, code });
  }
}

const missing = (code, message) => new Refusal(404, code, message);
const named = (list, name, key = "name") => list.find((one) => one[key] === name);

function worker(name) {
  const found = account.workers[name];
  if (!found) throw missing(10007, "This Worker does not exist on your account.");
  return found;
}

const deployed = (found) => named(found.versions, found.deployed, "id");

/// Lets all requests go to a version. One with bindings to what there is not is refused.
async function deploy(found, id) {
  const { metadata, modules, secrets } = named(found.versions, id, "id") ?? {};
  if (!metadata) throw missing(10008, `no version ${id}`);
  const bound = (type) => metadata.bindings.filter((binding) => binding.type === type);
  const type = (path) => (path.endsWith(".wasm") ? "CompiledWasm" : "ESModule");
  const paths = Object.keys(modules).sort((a, b) => (b === metadata.main_module) - (a === metadata.main_module));
  const options = {
    host: "127.0.0.1",
    port,
    log: new Log(LogLevel.ERROR),
    compatibilityDate: metadata.compatibility_date,
    modulesRoot: "/",
    modules: paths.map((path) => ({ type: type(path), path: `/${path}`, contents: modules[path] })),
    bindings: { ...Object.fromEntries(bound("plain_text").map(({ name, text }) => [name, text])), ...secrets },
    r2Buckets: Object.fromEntries(bound("r2_bucket").map(({ name, bucket_name }) => [name, bucket_name])),
    d1Databases: Object.fromEntries(bound("d1").map(({ name, id }) => [name, id])),
    handleRuntimeStdio(stdout, stderr) {
      stdout.pipe(process.stderr);
      stderr.pipe(process.stderr);
    },
  };
  if (running) await running.setOptions(options);
  else running = new Miniflare(options);
  await running.ready;
  found.deployed = id;
}

/// Keeps a version, with the secrets of the one before it.
async function upload(name, request) {
  const form = await new Response(request.body, { headers: { "content-type": request.type } }).formData();
  const metadata = JSON.parse(form.get("metadata"));
  const modules = {};
  for (const [path, file] of form) {
    if (path !== "metadata") modules[path] = new Uint8Array(await file.arrayBuffer());
  }
  for (const { type, bucket_name, id } of metadata.bindings) {
    if (type === "r2_bucket" && !named(account.buckets, bucket_name)) throw missing(10085, `bucket ${bucket_name} is missing`);
    if (type === "d1" && !named(account.databases, id, "uuid")) throw missing(10181, `database ${id} is missing`);
  }
  const found = account.workers[name] ?? { versions: [], crons: [], on_subdomain: false };
  const secrets = { ...(metadata.keep_bindings?.includes("secret_text") ? found.versions.at(-1)?.secrets : {}) };
  for (const { type, name, text } of metadata.bindings) if (type === "secret_text") secrets[name] = text;
  const uploaded = { id: randomUUID(), metadata, modules, secrets, made: new Date().toISOString() };
  found.versions.push(uploaded);
  return { found, uploaded };
}

const version = ({ id, metadata, made }) => ({
  id,
  number: 1,
  startup_time_ms: 1,
  metadata: { created_on: made, author_email: "a@example.com", source: "wrangler", hasPreview: false },
  annotations: metadata.annotations,
  resources: { bindings: [], script: { etag: "e", handlers: ["fetch"] }, script_runtime: {} },
});

/// The routes that are asked for, each with what it answers. Whatever is not among them is refused, so that a new wrangler
/// that asks for more is noticed.
const routes = [
  ["GET", /^\/user\/tokens\/verify$/, () => ({ id: "t", status: "active" })],
  ["GET", /^\/user$/, () => ({ id: "u", email: "a@example.com" })],
  ["GET", /^\/accounts$/, () => [{ id: ACCOUNT, name: "Stand-in" }]],
  ["GET", /^\/memberships$/, () => [{ id: "m", account: { id: ACCOUNT, name: "Stand-in" } }]],
  ["POST", /^\/graphql$/, () => ({})],
  ["GET", /^\/r2\/buckets\/([^/]+)$/, ([name]) => {
    if (!named(account.buckets, name)) throw missing(10006, "The specified bucket does not exist.");
    return { name, location: "WEUR", storage_class: "Standard", creation_date: "2026-01-01" };
  }],
  ["POST", /^\/r2\/buckets$/, (_, request) => {
    const { name } = JSON.parse(request.body);
    if (named(account.buckets, name)) throw new Refusal(409, 10004, "The bucket you tried to create already exists, and you own it.");
    account.buckets.push({ name });
    return { name };
  }],
  ["GET", /^\/d1\/database$/, () => account.databases],
  ["POST", /^\/d1\/database$/, (_, request) => {
    const { name } = JSON.parse(request.body);
    if (named(account.databases, name)) throw new Refusal(400, 7502, "A database with that name already exists");
    const database = { uuid: randomUUID(), name, version: "production" };
    account.databases.push(database);
    return database;
  }],
  ["GET", /^\/workers\/services\/([^/]+)$/, ([name]) => {
    if (!account.workers[name]) throw missing(10090, "workers.api.error.service_not_found");
    return { id: name, default_environment: { environment: "production", script: { last_deployed_from: "wrangler", tag: name } } };
  }],
  ["GET", /^\/workers\/scripts\/([^/]+)\/secrets$/, ([name]) =>
    Object.keys(deployed(worker(name)).secrets).map((secret) => ({ name: secret, type: "secret_text" }))],
  ["GET", /^\/workers\/scripts\/([^/]+)\/deployments$/, ([name]) => {
    const { id, made } = deployed(worker(name));
    const versions = [{ version_id: id, percentage: 100 }];
    return { deployments: [{ id, source: "wrangler", strategy: "percentage", author_email: "a@example.com", created_on: made, versions }] };
  }],
  ["GET", /^\/workers\/scripts\/([^/]+)\/versions\/([^/]+)$/, ([name, id]) => version(named(worker(name).versions, id, "id"))],
  ["GET", /^\/workers\/scripts\/([^/]+)\/settings$/, ([name]) => ({ ...deployed(worker(name)).metadata, tag: name })],
  ["GET", /^\/workers\/scripts\/([^/]+)\/script-settings$/, () => ({})],
  ["PATCH", /^\/workers\/scripts\/([^/]+)\/script-settings$/, () => ({})],
  ["GET", /^\/workers\/scripts\/([^/]+)\/schedules$/, ([name]) => ({ schedules: worker(name).crons })],
  ["PUT", /^\/workers\/scripts\/([^/]+)\/schedules$/, ([name], request) => {
    worker(name).crons = JSON.parse(request.body);
    return { schedules: worker(name).crons };
  }],
  ["GET", /^\/workers\/subdomain$/, () => ({ subdomain: SUBDOMAIN })],
  ["GET", /^\/workers\/workers\/([^/]+)$/, ([name]) => ({
    id: name, name, subdomain: { enabled: worker(name).on_subdomain, previews_enabled: false },
  })],
  ["GET", /^\/workers\/scripts\/([^/]+)\/subdomain$/, ([name]) => ({ enabled: worker(name).on_subdomain, previews_enabled: false })],
  ["POST", /^\/workers\/scripts\/([^/]+)\/subdomain$/, ([name], request) => {
    worker(name).on_subdomain = JSON.parse(request.body).enabled;
    return JSON.parse(request.body);
  }],
  ["PUT", /^\/workers\/scripts\/([^/]+)$/, async ([name], request) => {
    const { found, uploaded } = await upload(name, request);
    await deploy(found, uploaded.id);
    account.workers[name] = found;
    return { id: name, tag: name, etag: "e", startup_time_ms: 1, deployment_id: uploaded.id };
  }],
  ["POST", /^\/workers\/scripts\/([^/]+)\/versions$/, async ([name], request) => {
    worker(name);
    return version((await upload(name, request)).uploaded);
  }],
  ["POST", /^\/workers\/scripts\/([^/]+)\/deployments$/, async ([name], request) => {
    await deploy(worker(name), JSON.parse(request.body).versions[0].version_id);
    return { id: randomUUID() };
  }],
];

async function answer(request) {
  if (request.path === "/account") {
    const workers = Object.entries(account.workers).map(([name, found]) =>
      [name, { secrets: Object.keys(deployed(found).secrets), versions: found.versions.length, crons: found.crons }]);
    return { raw: { ...account, workers: Object.fromEntries(workers) } };
  }
  if (request.path === "/trouble") {
    trouble = JSON.parse(request.body);
    return { raw: {} };
  }
  const path = request.path.replace(/^\/client\/v4/, "").replace(`/accounts/${ACCOUNT}`, "") || "/";
  if (trouble && trouble.method === request.method && new RegExp(trouble.path).test(path)) {
    throw new Refusal(trouble.status ?? 403, trouble.code, "the stand-in refuses this");
  }
  for (const [method, pattern, handle] of routes) {
    const match = method === request.method && path.match(pattern);
    if (!match) continue;
    const result = await handle(match.slice(1), request);
    if (method !== "GET" && path !== "/graphql") account.changes.push(`${method} ${path}`);
    return { result };
  }
  console.error(`no route: ${request.method} ${request.path}`);
  throw missing(7000, `no route for ${request.method} ${path}`);
}

function respond(response, status, body) {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

const platform = createServer((incoming, response) => {
  const parts = [];
  incoming.on("data", (part) => parts.push(part));
  incoming.on("end", async () => {
    const path = new URL(incoming.url, "http://stand-in").pathname;
    const request = { method: incoming.method, path, type: incoming.headers["content-type"], body: Buffer.concat(parts) };
    const about = { errors: [], messages: [], result_info: { count: 1, total_count: 1, page: 1, per_page: 100 } };
    try {
      const { raw, result } = await answer(request);
      respond(response, 200, raw ?? { success: true, result, ...about });
    } catch (error) {
      if (!(error instanceof Refusal)) console.error(error);
      const errors = [{ code: error.code ?? 10013, message: error.message }];
      respond(response, error.status ?? 500, { ...about, success: false, result: null, errors });
    }
  });
});

/// A port that the Worker keeps, whichever version runs.
const free = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const found = server.address().port;
      server.close(() => resolve(found));
    });
  });

port = await free();
platform.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ platform: platform.address().port, worker: port })));
process.stdin.resume();
process.stdin.on("end", async () => {
  await running?.dispose();
  process.exit(0);
});
