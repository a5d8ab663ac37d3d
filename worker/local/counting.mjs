// The module that is run in place of `entry.mjs` where somebody counts: the Worker as it is deployed, between whose requests to
// R2 and D1 and the bindings themselves stands a counter. `GET /local/counted` gives what was counted since it was asked last.
import shipped from "./entry.mjs";

const CLASSES = { put: "class_a", list: "class_a", createMultipartUpload: "class_a", get: "class_b", head: "class_b" };

const none = () => ({
  requests: {}, class_a: 0, class_b: 0, deletes: 0, batches: 0, statements: 0, rows_read: 0, rows_written: 0,
});
let counted = none();

const bucket = (name) => {
  counted[CLASSES[name] ?? "deletes"] += 1;
};

const database = (name, [statements], answer) => {
  if (name !== "batch") return answer;
  counted.batches += 1;
  counted.statements += statements.length;
  return answer.then((results) => {
    for (const { meta } of results) {
      counted.rows_read += meta.rows_read;
      counted.rows_written += meta.rows_written;
    }
    return results;
  });
};

// Methods are called on the binding itself, which refuses to be anything else.
const watched = (binding, watch) =>
  new Proxy(binding, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== "function" || name === "constructor") return value;
      return (...args) => {
        const answer = value.apply(target, args);
        return watch(name, args, answer) ?? answer;
      };
    },
  });

const bindings = (env) => ({ ...env, OBJECTS: watched(env.OBJECTS, bucket), INDEX: watched(env.INDEX, database) });

const route = (request) => {
  const path = new URL(request.url).pathname.replace(/[0-9a-f]{32,}|(?<=\/saves\/)[^/]+/g, "…");
  return `${request.method} ${path}`;
};

export default {
  async fetch(request, env, context) {
    if (new URL(request.url).pathname === "/local/counted") {
      const answer = Response.json(counted);
      counted = none();
      return answer;
    }
    const name = route(request);
    counted.requests[name] = (counted.requests[name] ?? 0) + 1;
    return shipped.fetch(request, bindings(env), context);
  },
  scheduled: (event, env, context) => shipped.scheduled(event, bindings(env), context),
};
