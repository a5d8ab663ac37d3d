// The module that the runtime loads: it makes the instance and hands out its handlers.
import module from "./index_bg.wasm";
import * as worker from "./index.js";

worker.initSync({ module });

export default { fetch: worker.fetch, scheduled: worker.scheduled };
