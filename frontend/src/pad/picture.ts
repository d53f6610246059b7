import type { Model } from "./protocol";

const LONGEST_SIDE = 1024;
const LARGEST_PNG = 2 * 1024 * 1024;

/** Read a picture file that was chosen, dropped or pasted, and send it small enough for the connection. */
export async function offer(model: Model, file: File | undefined): Promise<void> {
  const name = file?.name || "picture";
  try {
    if (!file) throw new Error("no file");
    const blob = await reduced(file);
    model.send({ kind: "picture", name, type: blob.type }, [await blob.arrayBuffer()]);
  } catch {
    const reason = file ? "the browser cannot read it as a picture" : "it holds no picture file";
    model.send({ kind: "refused", name, reason });
  }
}

/** Take pictures that are dropped on the surface or pasted into it. */
export function listenForPictures(surface: HTMLElement, model: Model, signal: AbortSignal): void {
  const dragged = (event: DragEvent) => {
    const over = event.type === "dragover";
    const carried = event.dataTransfer?.types.some((type) => type === "Files" || type.startsWith("text/"));
    if (event.type !== "dragleave" && !carried) return;
    event.preventDefault();
    event.stopPropagation();
    surface.classList.toggle("rw-pad-over", over);
    if (over && event.dataTransfer) event.dataTransfer.dropEffect = "copy";
    if (event.type === "drop") void offer(model, pictureIn(event.dataTransfer));
  };
  for (const name of ["dragover", "dragleave", "drop"] as const) surface.addEventListener(name, dragged, { signal });
  const pasted = (event: ClipboardEvent) => {
    const file = pictureIn(event.clipboardData);
    if (!file) return;
    event.preventDefault();
    event.stopPropagation();
    void offer(model, file);
  };
  surface.addEventListener("paste", pasted, { signal });
}

/** The first picture, else the first file. */
const pictureIn = (transfer: DataTransfer | null): File | undefined =>
  [...(transfer?.files ?? [])].sort((a, b) => Number(b.type.startsWith("image/")) - Number(a.type.startsWith("image/")))[0];

/** Decode a picture file and make it small enough to send: halved until one last step reaches the size. */
async function reduced(file: Blob): Promise<Blob> {
  const url = URL.createObjectURL(file);
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    // An SVG file may have no size of its own.
    const [width, height] = [image.naturalWidth || LONGEST_SIDE, image.naturalHeight || LONGEST_SIDE];
    const scale = Math.min(1, LONGEST_SIDE / Math.max(width, height));
    let source: CanvasImageSource = image;
    for (let part = 0.5; part > scale; part /= 2) source = drawnAt(source, width * part, height * part);
    const png = await encoded(drawnAt(source, width * scale, height * scale), "image/png");
    if (png.size <= LARGEST_PNG) return png;
    return await encoded(drawnAt(source, width * scale, height * scale, "#ffffff"), "image/jpeg");
  } finally {
    URL.revokeObjectURL(url);
  }
}

const encoded = (canvas: HTMLCanvasElement, type: string): Promise<Blob> =>
  new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("not encoded"))), type, 0.92);
  });

function drawnAt(source: CanvasImageSource, width: number, height: number, backing?: string): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width));
  canvas.height = Math.max(1, Math.round(height));
  const context = canvas.getContext("2d") as CanvasRenderingContext2D;
  if (backing) {
    context.fillStyle = backing;
    context.fillRect(0, 0, canvas.width, canvas.height);
  }
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return canvas;
}
