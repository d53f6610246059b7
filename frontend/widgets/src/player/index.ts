/** The player of an exported page, which contains the runs as JSON and their pictures as JPEG in base64. */
import { player, type Run } from "@robust-widgets/shared/player";
import "./page.css";

const runs = JSON.parse(document.getElementById("runs")?.textContent ?? "[]") as Run[];
const main = document.createElement("main");
const urlOf = (jpeg: string) => `data:image/jpeg;base64,${jpeg}`;
main.append(player(runs, { urlOf, signal: new AbortController().signal }));
document.body.append(main);
