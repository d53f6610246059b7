/** Chooses what a run paints: a class, or a feature from the palette. As `target_picker.py`. */
import { createCanvas, element } from "@robust-widgets/shared/dom";
import type { Feature, ModelInfo } from "@robust-widgets/shared/session";
import { say } from "@robust-widgets/shared/translation";
import palette from "@robust-widgets/widgets/palette";
import { InputError } from "../studio/problems";
import { LocalModel } from "../widgets/localModel";
import { ClassPicker } from "./classPicker";

const COLUMNS = 16;
const TILE = 48;

interface PaletteState {
  entries: { name: string; classes: string[] }[];
  sheet: DataView<ArrayBuffer>;
  columns: number;
  value: string;
  label: string;
}

export class TargetPicker {
  readonly root: HTMLElement;
  /** The palette, which needs more room. */
  readonly palette = element("div", "rs-palette");
  readonly classes: ClassPicker;
  /** Names the chosen feature; where features have no names, takes the number of one. */
  private readonly feature: HTMLOutputElement | HTMLInputElement;
  private readonly features: LocalModel<PaletteState, never, { kind: "pick"; name: string }>;
  private isOfFeatures = false;
  private isBuilt = false;

  /** @param units how many features the model has, with or without names */
  constructor(
    private readonly model: ModelInfo,
    private readonly units: number,
    private readonly changed: () => void,
  ) {
    this.classes = new ClassPicker(model.classes, model.synonyms, model.classPictures, changed);
    this.features = new LocalModel<PaletteState, never, { kind: "pick"; name: string }>({
      entries: model.features.map(({ name, classes }) => ({ name, classes: [...classes] })),
      sheet: new DataView(new ArrayBuffer(0)),
      columns: COLUMNS,
      value: model.features[0]?.name ?? "",
      label: say("features"),
    });
    this.features.receive = ({ name }) => (this.featureName = name);
    this.feature = model.features.length || !units ? element("output", "rs-feature") : this.numberField();
    const chosen = element("div", "rs-picker", {}, element("span", "rs-label", {}, say("feature")), this.feature);
    this.root = element("div", "rs-target", {}, this.classes.root, chosen);
    this.show(false);
    this.showFeature();
  }

  private numberField(): HTMLInputElement {
    const label = say("number of the feature, 0 to %1", this.units - 1);
    const range = { type: "number", min: "0", max: String(this.units - 1), step: "1", value: "0" };
    const field = element("input", "rs-field rs-unit", { ...range, "aria-label": label, title: label });
    field.addEventListener("input", () => this.changed());
    return field;
  }

  /** Shows the features, or the classes; each keeps its selection. */
  show(isOfFeatures: boolean): void {
    this.isOfFeatures = isOfFeatures;
    const [ofClass, ofFeature] = this.root.children;
    ofClass?.toggleAttribute("hidden", isOfFeatures);
    ofFeature?.toggleAttribute("hidden", !isOfFeatures);
    this.palette.hidden = !isOfFeatures;
    if (isOfFeatures && !this.isBuilt) this.build();
  }

  /** @throws InputError what was typed is no class, or there is no feature */
  get value(): string {
    if (!this.isOfFeatures) return this.classes.value;
    if (this.hasFeature(this.featureName)) return this.featureName;
    if (this.units) throw new InputError(say("Give the number of a feature, 0 to %1.", this.units - 1));
    throw new InputError(say("This model has no features to choose from; choose another task."));
  }

  get featureName(): string {
    return this.feature instanceof HTMLInputElement ? this.feature.value.trim() : this.features.get("value");
  }

  set featureName(name: string) {
    if (!this.hasFeature(name)) return;
    if (this.model.features.length) this.features.set("value", name);
    else this.feature.value = name;
    this.showFeature();
    this.changed();
  }

  hasFeature(name: string): boolean {
    if (this.model.features.length) return this.model.features.some((feature) => feature.name === name);
    return /^\d+$/.test(name) && Number(name) < this.units;
  }

  private showFeature(): void {
    if (this.feature instanceof HTMLOutputElement) this.feature.value = this.featureName || say("none");
  }

  private build(): void {
    this.isBuilt = true;
    if (!this.model.features.length && this.units) return;
    if (!this.model.features.length) {
      this.palette.append(
        element("p", "rs-hint", {}, say("This model has no features to choose from; choose another task.")),
      );
      return;
    }
    palette.render({ model: this.features, el: this.palette });
    void sheetOf(this.model.features).then((sheet) => this.features.set("sheet", sheet));
  }
}

/** All thumbnails in one picture, row by row. One that cannot be loaded stays white. */
async function sheetOf(features: readonly Feature[]): Promise<DataView<ArrayBuffer>> {
  const context = createCanvas(COLUMNS * TILE, Math.ceil(features.length / COLUMNS) * TILE);
  const { canvas } = context;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  const draw = async ({ thumbnail }: Feature, index: number) => {
    const image = new Image();
    image.src = thumbnail;
    await image.decode();
    context.drawImage(image, TILE * (index % COLUMNS), TILE * Math.floor(index / COLUMNS), TILE, TILE);
  };
  await Promise.allSettled(features.map(draw));
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.9));
  return new DataView((await blob?.arrayBuffer()) ?? new ArrayBuffer(0));
}
