/** A player in a page of its own: the runs stand in the page, their pictures as JPEG in base64. */
import "./page.css";
import { player, type Run } from "./player";

const runs = JSON.parse(document.getElementById("runs")?.textContent ?? "[]") as Run[];
const main = document.createElement("main");
const address = (frame: string) => `data:image/jpeg;base64,${frame}`;
main.append(player(runs, { address, signal: new AbortController().signal }));
document.body.append(main);
