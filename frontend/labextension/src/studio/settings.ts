/** The user's settings in JupyterLab. */
import type { ISettingRegistry } from "@jupyterlab/settingregistry";

export interface Settings {
  /** Whether to ask before unsaved work is closed. */
  confirmClose: boolean;
  /** The model of new studios; "" for the bundled one. */
  model: string;
  /** The device of new studios; "" for the fastest. */
  device: string;
  /** The address of a server that new studios paint on; "" for none. */
  server: string;
  /** The most steps a second that are shown during a run. */
  framesPerSecond: number;
  /** Whether studios and players use the colours of JupyterLab's theme; otherwise they are light. */
  themeColors: boolean;
}

export const DEFAULTS: Settings = {
  confirmClose: true,
  model: "",
  device: "",
  server: "",
  framesPerSecond: 20,
  themeColors: true,
};

/** Calls ``take`` with the settings now and after each change. */
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

export function settingsOf(values: Readonly<Record<string, unknown>>): Settings {
  const text = (name: "model" | "device" | "server") =>
    typeof values[name] === "string" ? values[name].trim() : DEFAULTS[name];
  const { confirmClose, framesPerSecond, themeColors } = values;
  return {
    confirmClose: confirmClose !== false,
    model: text("model"),
    device: text("device"),
    server: text("server"),
    framesPerSecond: typeof framesPerSecond === "number" ? framesPerSecond : DEFAULTS.framesPerSecond,
    themeColors: themeColors !== false,
  };
}
