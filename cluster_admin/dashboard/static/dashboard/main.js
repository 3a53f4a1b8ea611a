// Puts the parts of the pages to work.
import { watch } from "./live.js";
import { listen } from "./keys.js";
import { tend } from "./parts.js";
import { tick } from "./times.js";

tick();
tend();
listen();
if (document.body.dataset.stream) watch();
