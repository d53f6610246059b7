/** Takes a picture with the camera. */
import { element } from "@robust-widgets/shared/dom";
import { say } from "@robust-widgets/shared/translation";
import { squareOf } from "../painting/pictures";
import { openDialog } from "./dialog";
import { InputError } from "./problems";

/** Whether this browser may use a camera here; a page without encryption may not. */
export const hasCamera = (): boolean => "mediaDevices" in navigator && "getUserMedia" in navigator.mediaDevices;

/** Shows what the camera sees until a picture is taken: red, green, blue for each pixel of a square.
 *
 * @returns null if none was taken
 * @throws InputError there is no camera, or it may not be used */
export async function takePicture(side: number): Promise<Uint8Array | null> {
  const stream = await navigator.mediaDevices
    .getUserMedia({ video: { facingMode: "environment" }, audio: false })
    .catch(() => null);
  if (!stream)
    throw new InputError(say("The camera cannot be used; allow it for this page, or choose a picture file."));
  const video = element("video", "rs-camera", {
    playsinline: "",
    muted: "",
    "aria-label": say("What the camera sees"),
  });
  video.muted = true;
  video.srcObject = stream;
  const shutter = element("button", "rs-button rs-primary", { type: "button" }, say("Take the picture"));
  const content = element("div", "rs-camera-box", {}, video, shutter);
  return new Promise((resolve) => {
    let taken: Uint8Array | null = null;
    const close = openDialog(say("Camera"), content, () => {
      for (const track of stream.getTracks()) track.stop();
      resolve(taken);
    });
    shutter.addEventListener("click", () => {
      if (video.videoWidth) taken = squareOf(video, video.videoWidth, video.videoHeight, side);
      close();
    });
    void video.play();
  });
}
