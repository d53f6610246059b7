// The teacher's page: asks the server once a second who runs what. Names are shown as text, never as HTML.

const SECOND = 1000;
const element = (id) => document.getElementById(id);
// The address may carry the token after "#", which browsers send to nobody.
let token = decodeURIComponent(location.hash.slice(1)) || sessionStorage.getItem("token") || "";

async function ask(path, options = {}) {
  const headers = { "X-Robust-Widgets": "1" };
  if (token) headers.Authorization = `token ${token}`;
  const answer = await fetch(path, { ...options, headers });
  const values = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(values.message), { status: answer.status });
  return values;
}

function cell(row, text, kind) {
  const item = row.insertCell();
  item.textContent = text;
  if (kind) item.className = kind;
  return item;
}

function stopButton(owner) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Stop";
  button.dataset.owner = owner;
  button.setAttribute("aria-label", `Stop the runs of ${owner}`);
  button.addEventListener("click", () => void stop(owner));
  return button;
}

function show(values) {
  const body = element("runs");
  const focused = document.activeElement?.dataset?.owner;
  body.replaceChildren();
  for (const run of values.runs) {
    const row = body.insertRow();
    if (run.waits) row.className = "waits";
    cell(row, run.owner);
    cell(row, `${run.task.replaceAll("_", " ")}: ${run.target} (${run.model})`);
    cell(row, run.waits ? "waits" : `${run.step ?? 0} of ${run.steps}`, "number");
    cell(row, run.seconds.toFixed(0), "number");
    const picture = row.insertCell();
    if (run.picture) {
      const image = document.createElement("img");
      image.src = run.picture;
      image.alt = `Latest picture of ${run.owner}`;
      picture.append(image);
    }
    row.insertCell().append(stopButton(run.owner));
  }
  // The table is new each second; a button that had the keyboard has it again.
  if (focused) [...body.querySelectorAll("button")].find((each) => each.dataset.owner === focused)?.focus();
  const waiting = values.runs.filter((run) => run.waits).length;
  const summary =
    `${values.notebooks} notebooks, ${values.runs.length - waiting} runs, ${waiting} waiting, ` +
    `${values.frames_per_second} frames a second`;
  if (element("summary").textContent !== summary) element("summary").textContent = summary;
  element("nobody").hidden = values.runs.length > 0;
  element("stop-all").disabled = values.runs.length === 0;
}

async function stop(owner) {
  try {
    await ask("api/stop", { method: "POST", body: JSON.stringify(owner === undefined ? {} : { owner }) });
    await refresh();
  } catch (error) {
    element("summary").textContent = `Not stopped: ${error.message}.`;
  }
}

async function refresh() {
  try {
    show(await ask("api/runs"));
    element("sign-in").hidden = true;
    if (token) sessionStorage.setItem("token", token);
  } catch (error) {
    element("sign-in").hidden = error.status !== 403;
    element("summary").textContent = `No answer: ${error.message}.`;
  }
}

element("stop-all").addEventListener("click", () => void stop());
element("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  token = element("token").value.trim();
  void refresh();
});
if (location.hash) history.replaceState(null, "", location.pathname);

for (;;) {
  if (!document.hidden) await refresh();
  await new Promise((wake) => setTimeout(wake, SECOND));
}
