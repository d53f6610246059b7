/** Pictures that the user chooses, drops or pastes. */
import { createCanvas } from "@robust-widgets/shared/dom";
import { LARGEST_PIXELS, LARGEST_SIDE } from "@robust-widgets/shared/limits";
import { say } from "@robust-widgets/shared/translation";
import type { Model } from "./messages";

const LONGEST_SIDE = 1024;
const LARGEST_PNG_BYTES = 2 * 1024 * 1024;
const JPEG_QUALITY = 0.92;
const LONGEST_ADDRESS = 2000;

/** The picture has more pixels than a page can hold; the message says how many. */
export class TooLargeError extends Error {}

/** A picture file that is small enough for the connection, and its size in pixels. */
export interface SmallPicture {
  name: string;
  blob: Blob;
  /** Its bytes. They are read before it is placed, so that it can be sent at once. */
  data: ArrayBuffer;
  width: number;
  height: number;
}

type Bring = (picture: SmallPicture) => void;

/** Reads a picture file, and brings it to the painting; one that cannot be read is refused. */
export async function bringPicture(model: Model, file: File | undefined, bring: Bring): Promise<void> {
  const name = file?.name === undefined || file.name === "" ? "picture" : file.name;
  try {
    if (!file) throw new Error("no file");
    bring({ name, ...(await shrink(file)) });
  } catch (error) {
    const unreadable = say("the browser cannot read it as a picture");
    const reason = file
      ? error instanceof TooLargeError
        ? error.message
        : unreadable
      : say("it contains no picture file");
    model.send({ kind: "refused", name, reason });
  }
}

/** Accepts pictures that are dropped on the surface or pasted into it. */
export function listenForPictures(surface: HTMLElement, model: Model, bring: Bring, signal: AbortSignal): void {
  const dragged = (event: DragEvent) => {
    const isOver = event.type === "dragover";
    const isPossible = event.dataTransfer?.types.some((type) => type === "Files" || type.startsWith("text/"));
    if (event.type !== "dragleave" && !isPossible) return;
    event.preventDefault();
    event.stopPropagation();
    surface.classList.toggle("rw-pad-over", isOver);
    if (isOver && event.dataTransfer) event.dataTransfer.dropEffect = "copy";
    if (event.type === "drop") takeFrom(model, event.dataTransfer, bring);
  };
  for (const name of ["dragover", "dragleave", "drop"] as const) surface.addEventListener(name, dragged, { signal });
  const pasted = (event: ClipboardEvent) => {
    const data = event.clipboardData;
    if (!pictureIn(data) && !addressIn(data)) return;
    event.preventDefault();
    event.stopPropagation();
    takeFrom(model, data, bring);
  };
  surface.addEventListener("paste", pasted, { signal });
}

/** Brings the picture that is dropped or pasted; of one elsewhere, sends the address. */
function takeFrom(model: Model, transfer: DataTransfer | null, bring: Bring): void {
  const file = pictureIn(transfer);
  const address = file ? undefined : addressIn(transfer);
  if (address) model.send({ kind: "address", address });
  else void bringPicture(model, file, bring);
}

/** The address of the web that is all of a text, or the first of a list. */
function addressIn(transfer: DataTransfer | null): string | undefined {
  const text = ["text/uri-list", "text/plain"].map((type) => transfer?.getData(type)).find(Boolean) ?? "";
  const [first = ""] = text.split(/[\r\n]+/).filter((line) => line && !line.startsWith("#"));
  const address = first.trim();
  return /^https?:\/\/\S+$/i.test(address) && address.length <= LONGEST_ADDRESS ? address : undefined;
}

/** The first picture, or else the first file. */
function pictureIn(transfer: DataTransfer | null): File | undefined {
  const files = [...(transfer?.files ?? [])];
  return files.find(({ type }) => type.startsWith("image/")) ?? files[0];
}

/** Decodes a picture file and scales it down to the size that is sent: by halves, then by what remains. */
export async function shrink(file: Blob): Promise<Omit<SmallPicture, "name">> {
  const url = URL.createObjectURL(file);
  try {
    const image = new Image();
    await loaded(image, url);
    const { naturalWidth: across, naturalHeight: down } = image;
    // Before it is decoded, which would take the memory of all its pixels.
    if (Math.max(across, down) > LARGEST_SIDE || across * down > LARGEST_PIXELS) {
      throw new TooLargeError(
        say("it has %1 × %2 pixels, and pictures have at most %3 megapixels", across, down, LARGEST_PIXELS / 1e6),
      );
    }
    await image.decode();
    // An SVG file may have no intrinsic size.
    const [width, height] = [image.naturalWidth || LONGEST_SIDE, image.naturalHeight || LONGEST_SIDE];
    const scale = Math.min(1, LONGEST_SIDE / Math.max(width, height));
    let source: CanvasImageSource = image;
    for (let part = 0.5; part > scale; part /= 2) source = drawAt(source, width * part, height * part);
    const drawn = drawAt(source, width * scale, height * scale);
    const size = { width: drawn.width, height: drawn.height };
    const png = await encode(drawn, "image/png");
    const isSmall = png.size <= LARGEST_PNG_BYTES;
    const blob = isSmall ? png : await encode(drawAt(drawn, size.width, size.height, "#ffffff"), "image/jpeg");
    return { blob, data: await blob.arrayBuffer(), ...size };
  } finally {
    URL.revokeObjectURL(url);
  }
}

const loaded = (image: HTMLImageElement, url: string): Promise<void> =>
  new Promise((resolve, reject) => {
    image.addEventListener("load", () => resolve());
    image.addEventListener("error", () => reject(new Error("not loaded")));
    image.src = url;
  });

const encode = (canvas: HTMLCanvasElement, type: string): Promise<Blob> =>
  new Promise((resolve, reject) => {
    const done = (blob: Blob | null) => {
      if (blob) resolve(blob);
      else reject(new Error("not encoded"));
    };
    canvas.toBlob(done, type, JPEG_QUALITY);
  });

function drawAt(source: CanvasImageSource, width: number, height: number, background?: string): HTMLCanvasElement {
  const context = createCanvas(Math.max(1, Math.round(width)), Math.max(1, Math.round(height)));
  const { canvas } = context;
  if (background) {
    context.fillStyle = background;
    context.fillRect(0, 0, canvas.width, canvas.height);
  }
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return canvas;
}
