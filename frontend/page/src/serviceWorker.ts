/** The service worker: keeps all files of the page, so that it opens at once, and without a network.
 *
 * `robust-widgets page` writes before it which files there are, and a version that changes with any of them. It also
 * says that the page is alone in its process, which static hosts cannot: then the browser allows threads. */

interface PageFiles {
  /** A hash of all files. */
  version: string;
  /** Names, beside this file. */
  files: string[];
  /** Names of those that only some browsers need; they are cached once they have been loaded. */
  optional: string[];
}

/** As much of a service worker's own scope as is used here. */
interface Scope {
  PAGE: PageFiles;
  location: Location;
  skipWaiting(): Promise<void>;
  clients: { claim(): Promise<void> };
  addEventListener(name: "install" | "activate", handler: (event: LifetimeEvent) => void): void;
  addEventListener(name: "fetch", handler: (event: RequestEvent) => void): void;
}

interface LifetimeEvent {
  waitUntil(done: Promise<unknown>): void;
}

interface RequestEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

const scope = self as unknown as Scope;
const { version, files, optional } = scope.PAGE;
const folder = new URL("./", scope.location.href);
const prefix = `robust-studio ${folder.pathname} `;
const cacheName = prefix + version;

scope.addEventListener("install", (event) => event.waitUntil(install()));
scope.addEventListener("activate", (event) => event.waitUntil(activate()));
scope.addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  if (method === "GET" && url.startsWith(folder.href)) event.respondWith(respond(event.request));
});

/** Fetches all files; what did not change comes from the cache of the version before, if the server says so. */
async function install(): Promise<void> {
  const cache = await caches.open(cacheName);
  const requests = files.map((name) => new Request(new URL(name, folder), { cache: "no-cache" }));
  await cache.addAll(requests);
  await scope.skipWaiting();
}

async function activate(): Promise<void> {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith(prefix) && name !== cacheName);
  await Promise.all(old.map((name) => caches.delete(name)));
  await scope.clients.claim();
}

/** What is cached comes first: its version fits everything else of the page. A page that finds a cached file damaged asks
 * for it with `reload`, and then what arrives is cached. */
async function respond(request: Request): Promise<Response> {
  const cache = await caches.open(cacheName);
  const url = new URL(request.url);
  url.search = url.hash = "";
  if (url.href === folder.href) url.pathname += "index.html";
  const name = url.href.slice(folder.href.length);
  const isWantedFresh = request.cache === "reload" && request.mode !== "navigate";
  const cached = isWantedFresh ? undefined : await cache.match(url.href);
  const response = cached ?? (await fetch(request));
  const isToBeKept = optional.includes(name) || (isWantedFresh && files.includes(name));
  if (!cached && response.status === 200 && isToBeKept) await cache.put(url.href, response.clone());
  return isolated(response);
}

/** Says that the page shares its process with no other site. */
function isolated(response: Response): Response {
  if (response.status === 0 || response.status === 206) return response;
  const headers = new Headers(response.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  const { status, statusText } = response;
  return new Response(response.body, { status, statusText, headers });
}
