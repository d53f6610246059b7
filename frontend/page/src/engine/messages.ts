/** The messages between the page and its worker. */
import type { ModelLoaded, RunEvent, RunRequest } from "@robust-widgets/shared/session";
import type { Manifest } from "../manifest";

export type ToWorker =
  | { readonly kind: "open"; readonly manifest: Manifest; readonly base: string }
  | { readonly kind: "run"; readonly run: number; readonly request: RunRequest }
  | { readonly kind: "cancel" };

export type FromWorker = { readonly kind: "loaded"; readonly loaded: ModelLoaded; readonly device: string } | RunEvent;
