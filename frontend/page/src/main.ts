/** Robust Studio on a page of its own. */
import { loadManifest } from "./manifest";
import "./page.css";

const main = document.createElement("main");
document.body.append(main);

loadManifest().then(
  ({ model }) => {
    main.textContent = model.name;
  },
  (error: unknown) => {
    main.textContent = error instanceof Error ? error.message : String(error);
  },
);
