/** The files that a page in a notebook computes with: the engine comes from JupyterLab's extension, and what belongs to
 * the model from the kernel. */
import type { Manifest } from "../manifest";

/** JupyterLab and Notebook 7 write their configuration here. */
const CONFIGURATION = "jupyter-config-data";
const EXTENSION = "robust-widgets";
const MANIFEST = "manifest.json";

/** The address of the folder with the engine. Rejects with a sentence if there is none, or one of another version. */
export async function findEngine(version: string): Promise<string> {
  const folder = `${extensionsOf(document)}/${EXTENSION}`;
  const response = await fetch(`${folder}/package.json`);
  const known = response.ok ? ((await response.json()) as { version: string }).version : "";
  const engine = response.ok && known === version ? await fetch(`${folder}/page/engine.js`, { method: "HEAD" }) : null;
  if (engine?.ok) return new URL(`${folder}/page/`, document.baseURI).href;
  const problem = known && known !== version ? `has version ${known} of the extension` : "lacks the extension";
  throw new Error(
    `This page's server ${problem}, and the browser computes with the files of version ${version}; ` +
      "install robust-widgets there, or paint in the kernel.",
  );
}

function extensionsOf(page: Document): string {
  const text = page.getElementById(CONFIGURATION)?.textContent ?? "{}";
  const { fullLabextensionsUrl: address } = JSON.parse(text) as { fullLabextensionsUrl?: unknown };
  if (typeof address === "string") return address;
  throw new Error(
    "The browser computes runs in JupyterLab and Jupyter Notebook alone, whose extension has what it needs; " +
      "open this notebook there, or paint in the kernel.",
  );
}

/** Collects the kernel's files. */
export class Files {
  private readonly files = new Map<string, Uint8Array<ArrayBuffer>>();
  private readonly addresses: string[] = [];

  async add(name: string, bytes: Uint8Array<ArrayBuffer>, isPacked: boolean): Promise<void> {
    this.files.set(name, isPacked ? await unpacked(bytes) : bytes.slice());
  }

  get count(): number {
    return this.files.size;
  }

  /** The manifest, in which each file has an address that this page made. */
  open(): Manifest {
    const content = new TextDecoder().decode(this.files.get(MANIFEST));
    const manifest = JSON.parse(content) as Manifest;
    const structures = Object.entries(manifest.structures).map(
      ([name, structure]) => [name, { ...structure, file: this.address(structure.file) }] as const,
    );
    return {
      ...manifest,
      weights: { ...manifest.weights, file: this.address(manifest.weights.file) },
      seeds: manifest.seeds && { ...manifest.seeds, file: this.address(manifest.seeds.file) },
      structures: Object.fromEntries(structures),
    };
  }

  close(): void {
    for (const address of this.addresses) URL.revokeObjectURL(address);
    this.files.clear();
  }

  private address(name: string): string {
    const bytes = this.files.get(name);
    if (!bytes) throw new Error(`The kernel did not send ${name}; run the cell again.`);
    const address = URL.createObjectURL(new Blob([bytes]));
    this.addresses.push(address);
    return address;
  }
}

async function unpacked(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
