/** The messages between the page and its worker. */
import type { ModelLoaded, RunEvent, RunRequest } from "@robust-widgets/shared/session";
import type { Manifest } from "../manifest";
import type { Provider } from "./runtime";

export type ToWorker =
  | {
      readonly kind: "open";
      readonly manifest: Manifest;
      readonly base: string;
      /** What should compute; left out, or null, for what is faster. */
      readonly compute?: Provider | null;
    }
  | { readonly kind: "run"; readonly run: number; readonly request: RunRequest }
  | { readonly kind: "cancel" };

export type FromWorker =
  | { readonly kind: "loaded"; readonly loaded: ModelLoaded; readonly device: string }
  /** Something else computes from now on. */
  | { readonly kind: "device"; readonly device: string }
  | RunEvent;
