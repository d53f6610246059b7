/** What a person has set in JupyterLab's settings. */
import type { ISettingRegistry } from "@jupyterlab/settingregistry";

export interface Settings {
  /** Whether to ask before something unsaved is closed. */
  confirmClose: boolean;
  /** The model of new studios; "" for the shipped one. */
  model: string;
  /** The device of new studios; "" for the fastest. */
  device: string;
  /** How many steps a second are shown while a run goes on, at most. */
  framesPerSecond: number;
  /** Whether studios and players have the colours of JupyterLab's theme; else they are light. */
  themeColors: boolean;
}

export const DEFAULTS: Settings = {
  confirmClose: true,
  model: "",
  device: "",
  framesPerSecond: 20,
  themeColors: true,
};

/** Hands on the settings now, and again after each change. */
export async function readSettings(
  registry: ISettingRegistry,
  plugin: string,
  take: (settings: Settings) => void,
): Promise<void> {
  const settings = await registry.load(plugin);
  const read = () => {
    take(settingsOf(settings.composite));
  };
  settings.changed.connect(read);
  read();
}

export function settingsOf(given: Readonly<Record<string, unknown>>): Settings {
  const text = (name: "model" | "device") => (typeof given[name] === "string" ? given[name].trim() : DEFAULTS[name]);
  const { confirmClose, framesPerSecond, themeColors } = given;
  return {
    confirmClose: confirmClose !== false,
    model: text("model"),
    device: text("device"),
    framesPerSecond: typeof framesPerSecond === "number" ? framesPerSecond : DEFAULTS.framesPerSecond,
    themeColors: themeColors !== false,
  };
}
