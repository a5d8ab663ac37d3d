// Puts the released sci for this runner on the PATH, whole and checked.

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

import * as core from "@actions/core";
import { getExecOutput } from "@actions/exec";
import * as cache from "@actions/tool-cache";

import manifest from "../package.json" with { type: "json" };
import type { Inputs } from "./inputs.ts";

/** The targets that are released, by the runner's system, architecture and C library. */
const TARGETS: Record<string, string> = {
  "linux-x64": "x86_64-unknown-linux-gnu",
  "linux-arm64": "aarch64-unknown-linux-gnu",
  "linux-x64-musl": "x86_64-unknown-linux-musl",
  "linux-arm64-musl": "aarch64-unknown-linux-musl",
  "darwin-x64": "x86_64-apple-darwin",
  "darwin-arm64": "aarch64-apple-darwin",
  "win32-x64": "x86_64-pc-windows-msvc",
  // Emulated.
  "win32-arm64": "x86_64-pc-windows-msvc",
};
const SUMS = "SHA256SUMS";

/** The program to run, on the PATH of this and of later steps. */
export async function install(inputs: Inputs): Promise<string> {
  const program = inputs.program === "" ? await released(inputs) : resolve(inputs.program);
  if (!existsSync(program)) {
    throw new Error(`there is no ${program}`);
  }
  core.addPath(dirname(program));
  return program;
}

async function released(inputs: Inputs): Promise<string> {
  const version = inputs.version || manifest.version;
  const target = TARGETS[`${process.platform}-${process.arch}${wantsMusl() ? "-musl" : ""}`];
  if (target === undefined) {
    throw new Error(`sci is not released for ${process.platform} on ${process.arch}; name an installed one as \`program\``);
  }
  const name = `sci-${version}-${target}`;
  // By target: a tool cache may be shared by containers with another C library.
  const found = cache.find("sci", version, target);
  const directory = found || (await download(inputs, version, target, name));
  return join(directory, name, process.platform === "win32" ? "bin/sci.exe" : "bin/sci");
}

/** The oldest glibc that the program works with: that of the machine where it is built. */
const GLIBC = [2, 35];

/** Whether this is a Linux without glibc, such as a container of Alpine, or with one that is too old. */
function wantsMusl(): boolean {
  if (process.platform !== "linux") {
    return false;
  }
  // Otherwise it asks for the name of every address.
  Object.assign(process.report, { excludeNetwork: true });
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  const [major = 0, minor = 0] = (header.glibcVersionRuntime ?? "").split(".").map(Number);
  const [oldest = 0, of = 0] = GLIBC;
  return major < oldest || (major === oldest && minor < of);
}

async function download(inputs: Inputs, version: string, target: string, name: string): Promise<string> {
  const repository = process.env["GITHUB_ACTION_REPOSITORY"];
  if (!repository) {
    throw new Error("GITHUB_ACTION_REPOSITORY is not set: a local action needs `program`");
  }
  const server = process.env["GITHUB_SERVER_URL"];
  const base = `${server}/${repository}/releases/download/v${version}`;
  const authorised = inputs.token === "" ? undefined : `Bearer ${inputs.token}`;
  const archive = `${name}.tar.gz`;
  core.info(`Downloading sci ${version} from ${server}/${repository}`);
  const [packed, sums] = await Promise.all([
    fetched(`${base}/${archive}`, authorised),
    fetched(`${base}/${SUMS}`, authorised),
  ]);
  checkSum(archive, await readFile(packed), await readFile(sums, "utf8"));
  await attest(packed, repository, inputs.token);
  return await cache.cacheDir(await cache.extractTar(packed), "sci", version, target);
}

/** Where sci is released cannot be reached. What is not there, or is not what it should be, is another matter. */
export class Unreachable extends Error {}

async function fetched(url: string, authorised: string | undefined): Promise<string> {
  try {
    return await cache.downloadTool(url, undefined, authorised);
  } catch (error) {
    const reason = `sci cannot be downloaded from ${url}: ${error instanceof Error ? error.message : String(error)}`;
    throw isOutage(error) ? new Unreachable(reason) : new Error(reason);
  }
}

/** Whether it is the network or the server, and may be otherwise in an hour. */
function isOutage(error: unknown): boolean {
  if (error instanceof cache.HTTPError) {
    const status = error.httpStatusCode ?? 0;
    return status >= 500 || status === 408 || status === 429;
  }
  // The toolkit's own has no code.
  if (error instanceof Error && error.message.startsWith("Request timeout")) return true;
  return /^(ECONN|EHOST|ENET|EAI_|EPIPE|ENOTFOUND|ETIMEDOUT)/.test((error as { code?: string } | null)?.code ?? "");
}

/** Throws unless the release's list of sums has this content under this name. */
export function checkSum(archive: string, content: Buffer, sums: string): void {
  const found = createHash("sha256").update(content).digest("hex");
  const lines = sums.split("\n").map((line) => line.trim().split(/\s+\*?/));
  const expected = lines.find(([, name]) => name === archive)?.[0];
  if (expected !== found) {
    throw new Error(`${archive} has the SHA-256 ${found}; the release says ${expected ?? "nothing of it"}`);
  }
}

/** What gh says where it could not ask, which proves nothing of the archive. */
const UNASKED = /HTTP (403|408|429|5\d\d)|rate limit|timeout|timed out|dial tcp|no such host|connection re|TLS handshake|TUF/i;

/** Has GitHub's own program check that the release workflow made the archive, where it is there to do so. */
async function attest(packed: string, repository: string, token: string): Promise<void> {
  const quiet = { silent: true, ignoreReturnCode: true };
  const gh = await getExecOutput("gh", ["attestation", "verify", "--help"], quiet).catch(() => null);
  if (gh?.exitCode !== 0 || token === "") {
    core.info(`The attestation was not checked: ${token === "" ? "`github-token` is empty" : "there is no gh that can"}`);
    return;
  }
  const env = { ...process.env, GH_TOKEN: token } as Record<string, string>;
  const signer = ["--signer-workflow", `${repository}/.github/workflows/release.yml`];
  const checked = await getExecOutput("gh", ["attestation", "verify", packed, "--repo", repository, ...signer], { ...quiet, env });
  if (checked.exitCode === 0) return;
  const said = checked.stderr.trim();
  if (UNASKED.test(said)) throw new Unreachable(`the attestation of sci cannot be checked: ${said}`);
  throw new Error(`the attestation of the download does not hold: ${said}`);
}
