import "./view.css";
// The view: a run's picture, progress and curves as they arrive, and a scrubber over its steps afterwards.
// Frames are decoded one after another; a newer frame takes the place of one that still waits.

const ACK_MS = 100;
const REFRESH_MS = 100;
const SETTLE_MS = 150;
const PLAY_MS = 1000 / 15;
const PLAY = "M4 2.5v11l9-5.5z";
const PAUSE = "M4 3h3v10H4zM9 3h3v10H9z";
const BUTTONS = [
  ["first", "first step", "M3 3h2v10H3zM13 3v10L6 8z"], ["previous", "previous step", "M11 3v10L4 8z"],
  ["play", "play", PLAY], ["next", "next step", "M5 3v10l7-5z"], ["last", "last step", "M11 3h2v10h-2zM3 3v10l7-5z"],
].map(([name, label, path]) => `
  <button type="button" class="rw-view-button rw-view-${name}" title="${label}" aria-label="${label}">
    <svg viewBox="0 0 16 16" aria-hidden="true"><path d="${path}"/></svg></button>`).join("");
const key = (/** @type {string} */ name, /** @type {string} */ words) => `
  <span class="rw-view-key"><span class="rw-view-swatch" aria-hidden="true">
    <svg viewBox="0 0 24 2"><path class="rw-${name}" d="M0 1h24"/></svg><i class="rw-view-dot rw-${name}"></i></span>
    <span>${words} <b class="rw-view-${name}-value"></b></span></span>`;
// The two curves share one drawing, 1000 wide and 100 high, stretched to the chart's size; colours come from the style.
const TEMPLATE = `
  <div class="rw-view-frame"><canvas class="rw-view-picture" role="img"></canvas>
    <div class="rw-view-hint">The picture appears here</div></div>
  <div class="rw-view-bar" role="progressbar" aria-label="progress" aria-valuemin="0"><div class="rw-view-fill"></div></div>
  <div class="rw-view-status"><b class="rw-view-title"></b><span class="rw-view-line"></span></div>
  <span class="rw-view-announcer" role="status" aria-live="polite"></span>
  <input class="rw-view-slider" type="range" aria-label="step" min="0" max="1" value="0">
  <div class="rw-view-controls">${BUTTONS}<span class="rw-view-step"></span></div>
  <div class="rw-view-legend">${key("loss", "loss")}${key("probability", "target probability")}</div>
  <div class="rw-view-chart" aria-hidden="true"><span class="rw-view-high"></span><span class="rw-view-low"></span>
    <div class="rw-view-plot"><svg viewBox="0 0 1000 100" preserveAspectRatio="none">
        <path class="rw-loss"/><path class="rw-probability"/></svg>
      <i class="rw-view-marker"></i><i class="rw-view-dot rw-loss"></i><i class="rw-view-dot rw-probability"></i></div>
    <span class="rw-view-full">100 %</span><span class="rw-view-none">0 %</span>
    <span class="rw-view-start">step 0</span><span class="rw-view-end"></span></div>`;

/** @param {number | null | undefined} value */
function lossText(value) {
  if (value === null || value === undefined) return "-";
  const size = Math.abs(value);
  return size !== 0 && (size >= 1000 || size < 0.001) ? value.toExponential(1) : value.toPrecision(3);
}

/** @param {number | null | undefined} value */
function percent(value) {
  if (value === null || value === undefined) return "-";
  return `${(100 * value).toFixed(value > 0 && value < 0.0995 ? 1 : 0)} %`;
}

/** @param {number} seconds */
function duration(seconds) {
  const whole = Math.ceil(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** @param {RenderContext<ViewModel>} context */
function render({ model, el }) {
  const ended = new AbortController();
  const { signal } = ended;
  const root = document.createElement("div");
  root.className = "rw-view";
  root.setAttribute("role", "group");
  root.innerHTML = TEMPLATE;
  el.append(root);
  /** @template {Element} Kind @param {string} selector @param {new () => Kind} kind @returns {Kind} */
  const part = (selector, kind) => /** @type {InstanceType<typeof kind>} */ (root.querySelector(selector));
  const box = (/** @type {string} */ name) => part(`.rw-view-${name}`, HTMLElement);
  const button = (/** @type {string} */ name) => part(`.rw-view-${name}`, HTMLButtonElement);
  const picture = part(".rw-view-picture", HTMLCanvasElement);
  const slider = part(".rw-view-slider", HTMLInputElement);
  const controls = [...root.querySelectorAll("button"), slider];
  const [bar, line, announcer, plot] = [box("bar"), box("line"), box("announcer"), box("plot")];
  let run = -1;
  let blanked = -1;
  /** @type {RunState} */
  let state = "empty";
  let total = 0;
  let sentence = "";
  let title = "";
  let painted = 0;
  /** @type {ViewFrame | null} */
  let newest = null;
  /** @type {ViewEntry[]} the steps seen so far, or the recorded ones */
  let entries = [];
  /** @type {Blob[]} one for each entry; empty until the run is recorded */
  let pictures = [];
  let at = 0; // the entry that the slider and the chart's marker stand at
  const lastStep = () => entries[entries.length - 1]?.step ?? 0;

  // ---- painting

  /** @type {ViewJob | null} */
  let waiting = null;
  /** @type {ViewJob | null} */
  let shown = null;
  let busy = false;
  let epoch = 0;

  /** @param {ViewJob} wanted */
  async function paint(wanted) {
    waiting = wanted;
    if (busy) return;
    busy = true;
    while (waiting) {
      /** @type {ViewJob} */
      const job = waiting;
      const begun = epoch;
      waiting = null;
      const bitmap = await createImageBitmap(job.blob).catch((error) => console.warn("robust-widgets: no picture", error));
      if (begun === epoch && !signal.aborted) {
        if (bitmap) put(bitmap, job);
        if (job.sequence !== null) acknowledge(job.sequence);
        if (state === "running") refresh();
      }
      bitmap?.close();
    }
    busy = false;
  }

  /** @param {ImageBitmap} bitmap @param {ViewJob} job */
  function put(bitmap, job) {
    const pixels = Math.round(model.get("display_side") * (window.devicePixelRatio || 1));
    const scale = pixels / Math.max(bitmap.width, bitmap.height);
    const [width, height] = [bitmap.width * scale, bitmap.height * scale];
    picture.width = picture.height = pixels;
    const context = /** @type {CanvasRenderingContext2D} */ (picture.getContext("2d"));
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, (pixels - width) / 2, (pixels - height) / 2, width, height);
    if (job.sequence !== null) painted++;
    shown = { ...job, sequence: null };
    root.dataset["painted"] = String(painted);
    root.dataset["step"] = String(job.step);
    box("hint").hidden = true;
  }

  let acknowledged = -1;
  let toAcknowledge = -1;
  let ackTimer = 0;
  let ackedAt = -Infinity;

  /** At most ten times a second, and always the newest. @param {number} sequence */
  function acknowledge(sequence) {
    toAcknowledge = Math.max(toAcknowledge, sequence);
    if (ackTimer || toAcknowledge === acknowledged) return;
    const tell = () => {
      ackTimer = 0;
      ackedAt = performance.now();
      acknowledged = toAcknowledge;
      model.send({ kind: "ack", sequence: acknowledged });
    };
    ackTimer = window.setTimeout(tell, ackedAt + ACK_MS - performance.now());
  }

  // ---- words and curves

  let refreshTimer = 0;
  /** While a run goes on, words and curves follow at most ten times a second. */
  const refresh = () => (refreshTimer ||= window.setTimeout(write, REFRESH_MS));

  function runningLine() {
    if (!newest) return "starting";
    const { step, rate, left } = newest;
    const parts = [`step ${shown?.step ?? step} of ${total}`];
    if (rate !== null) parts.push(`${rate.toFixed(rate < 10 ? 1 : 0)} steps/s`);
    if (left !== null) parts.push(`${duration(left)} left`);
    return parts.join(" - ");
  }

  function write() {
    clearTimeout(refreshTimer);
    refreshTimer = 0;
    const ready = pictures.length > 0;
    const running = state === "running";
    if (!ready) at = entries.length - 1;
    const here = entries[at];
    const reached = running ? (shown?.step ?? 0) : lastStep();
    root.dataset["state"] = state;
    root.dataset["run"] = String(run);
    root.dataset["recorded"] = String(ready);
    root.setAttribute("aria-label", model.get("label"));
    root.style.setProperty("--rw-side", `${model.get("display_side")}px`);
    picture.setAttribute("aria-label", [model.get("label"), title].filter(Boolean).join(": "));
    box("title").textContent = title;
    line.textContent = running ? runningLine() : sentence;
    box("fill").style.width = state === "done" ? "100%" : `${Math.min(100, (100 * reached) / (total || 1))}%`;
    const values = { max: total, now: Math.min(total, reached), text: line.textContent || "nothing has run yet" };
    for (const [name, value] of Object.entries(values)) bar.setAttribute(`aria-value${name}`, String(value));
    for (const control of controls) control.disabled = !ready;
    slider.max = String(ready ? entries.length - 1 : Math.max(1, total));
    slider.value = String(ready ? at : reached);
    box("step").textContent = ready ? `step ${here?.step} of ${lastStep()}` : "";
    const words = `${box("step").textContent}, probability ${percent(here?.probability)}`;
    slider.setAttribute("aria-valuetext", ready ? words : "nothing recorded yet");
    box("loss-value").textContent = lossText(here?.loss);
    box("probability-value").textContent = percent(here?.probability);
    drawCurves(here);
  }

  /** The chart's last step: while a run goes on, the one it will end with. */
  const chartEnd = () => Math.max(1, lastStep(), pictures.length ? 0 : total);

  /** @param {ViewEntry | undefined} here */
  function drawCurves(here) {
    const end = chartEnd();
    const known = entries.flatMap((entry) => (entry.loss === null ? [] : [entry.loss]));
    const low = known.reduce((a, b) => Math.min(a, b), Infinity);
    const high = known.reduce((a, b) => Math.max(a, b), -Infinity);
    box("low").textContent = known.length ? lossText(low) : "";
    box("high").textContent = high > low ? lossText(high) : "";
    box("end").textContent = total ? String(end) : "";
    const left = `${(100 * (here?.step ?? 0)) / end}%`;
    box("marker").hidden = !here;
    box("marker").style.left = left;
    /** @param {string} name @param {(entry: ViewEntry) => number | null} height of an entry, 0..1 */
    const draw = (name, height) => {
      const dot = part(`.rw-view-plot .rw-view-dot${name}`, HTMLElement);
      let path = "";
      let pen = "M";
      for (const entry of entries) {
        const up = height(entry);
        if (up !== null) path += `${pen}${((1000 * entry.step) / end).toFixed(1)} ${(100 - 100 * up).toFixed(2)}`;
        pen = up === null ? "M" : "L";
      }
      part(`.rw-view-plot path${name}`, SVGElement).setAttribute("d", path);
      const up = here ? height(here) : null;
      dot.hidden = up === null;
      dot.style.left = left;
      dot.style.top = `${100 - 100 * (up ?? 0)}%`;
    };
    draw(".rw-loss", ({ loss }) => (loss === null ? null : (loss - low) / (high - low || 1)));
    draw(".rw-probability", ({ probability }) => probability);
  }

  // ---- scrubbing

  let settleTimer = 0;
  let playing = 0;

  /** @param {number} index */
  function showRecorded(index) {
    at = Math.min(entries.length - 1, Math.max(0, index));
    const blob = pictures[at];
    if (blob) void paint({ blob, step: entries[at]?.step ?? 0, sequence: null });
    write();
  }

  /** @param {number} index @param {boolean} [byPlaying] */
  function scrub(index, byPlaying = false) {
    if (!pictures.length) return;
    if (!byPlaying) pause();
    showRecorded(index);
    clearTimeout(settleTimer);
    settleTimer = window.setTimeout(() => model.send({ kind: "step", step: entries[at]?.step ?? 0 }), SETTLE_MS);
  }

  function play() {
    if (at >= entries.length - 1) scrub(0);
    const timer = window.setInterval(() => {
      scrub(at + 1, true);
      if (at >= entries.length - 1) pause();
    }, PLAY_MS);
    setPlaying(timer);
  }
  const pause = () => setPlaying(0);

  /** @param {number} timer */
  function setPlaying(timer) {
    clearInterval(playing);
    playing = timer;
    button("play").title = timer ? "pause" : "play";
    button("play").setAttribute("aria-label", button("play").title);
    part(".rw-view-play path", SVGElement).setAttribute("d", timer ? PAUSE : PLAY);
  }

  /** @param {PointerEvent} event */
  function scrubChart(event) {
    if (!pictures.length || !(event.buttons & 1)) return;
    if (event.type === "pointerdown") plot.setPointerCapture(event.pointerId);
    const { left, width } = plot.getBoundingClientRect();
    const wanted = ((event.clientX - left) / width) * chartEnd();
    const distances = entries.map(({ step }) => Math.abs(step - wanted));
    scrub(distances.indexOf(distances.reduce((a, b) => Math.min(a, b))));
  }

  // ---- messages

  /** Forget the run that was shown; its picture stays until the next one is painted. @param {RunState} next */
  function reset(next) {
    epoch++;
    state = next;
    waiting = shown = newest = null;
    for (const timer of [ackTimer, settleTimer]) clearTimeout(timer);
    total = painted = ackTimer = 0;
    [entries, pictures, title, sentence] = [[], [], "", ""];
    acknowledged = toAcknowledge = -1;
    pause();
    root.dataset["painted"] = "0";
    delete root.dataset["step"];
  }

  /** @param {EndState} how @param {string} [message] */
  function finish(how, message) {
    const usual = { done: `done: ${total} steps`, stopped: `stopped at step ${lastStep()}`, failed: "the run failed" };
    state = how;
    sentence = message || sentence || usual[how];
    const said = [title, sentence].filter(Boolean).join(": ");
    if (announcer.textContent !== said) announcer.textContent = said;
  }

  /** @param {ViewFrame} frame @param {DataView<ArrayBuffer>[]} buffers */
  function receiveFrame(frame, [buffer]) {
    if (!buffer) return;
    if (pictures.length) return acknowledge(frame.sequence);
    newest = frame;
    total = Math.max(total, frame.step);
    if (lastStep() === frame.step) entries.pop();
    entries.push({ step: frame.step, loss: frame.loss, probability: frame.probability });
    void paint({ blob: new Blob([buffer], { type: "image/jpeg" }), step: frame.step, sequence: frame.sequence });
    refresh();
  }

  /** @param {ViewRecord} record @param {DataView<ArrayBuffer>[]} buffers @param {boolean} again */
  function receiveRecord({ steps, loss, probability, ...rest }, buffers, again) {
    title = rest.title;
    entries = steps.map((step, i) => ({ step, loss: loss[i] ?? null, probability: probability[i] ?? null }));
    pictures = buffers.map((buffer) => new Blob([buffer], { type: "image/jpeg" }));
    total = Math.max(total, lastStep());
    finish(rest.state);
    showRecorded(again ? at : entries.length - 1);
  }

  /** @param {ViewIncoming} message @param {DataView<ArrayBuffer>[]} buffers */
  function receive(message, buffers) {
    if (message.kind === "blank") {
      blanked = run;
      reset("empty");
      picture.width = picture.height = 1;
      box("hint").hidden = false;
      announcer.textContent = "";
      return write();
    }
    // Older than the newest run, or the rest of a run that was blanked.
    const restarts = message.kind === "begin" || message.kind === "record";
    if (message.run < run || (message.run === blanked && !restarts)) return;
    const fresh = message.run > run || state === "empty";
    if (fresh) reset("running");
    run = message.run;
    blanked = -1;
    if (message.kind === "frame") return receiveFrame(message, buffers);
    if (message.kind === "record") return receiveRecord(message, buffers, !fresh && pictures.length > 0);
    if (message.kind === "end") finish(message.state, message.message);
    else if (state === "running") {
      total = message.steps;
      title = message.title;
      if (fresh) announcer.textContent = `running: ${title || "a new run"}`;
    }
    write();
  }

  /** Control and Command keys (Ctrl-S) stay JupyterLab's; other keys here must not move or change its cells. The mark
   * counts only on the focused element itself. @param {KeyboardEvent} event */
  const openOrClose = (event) => {
    for (const one of controls) one.toggleAttribute("data-lm-suppress-shortcuts", !event.ctrlKey && !event.metaKey);
  };
  const redraw = () => {
    if (shown && !busy) void paint(shown);
    write();
  };

  /** @type {[string, () => void][]} */
  const presses = [
    ["first", () => scrub(0)], ["previous", () => scrub(at - 1)], ["play", () => (playing ? pause() : play())],
    ["next", () => scrub(at + 1)], ["last", () => scrub(entries.length - 1)],
  ];
  for (const [name, act] of presses) button(name).addEventListener("click", act, { signal });
  slider.addEventListener("input", () => scrub(Number(slider.value)), { signal });
  plot.addEventListener("pointerdown", scrubChart, { signal });
  plot.addEventListener("pointermove", scrubChart, { signal });
  window.addEventListener("keydown", openOrClose, { signal, capture: true });
  window.addEventListener("resize", redraw, { signal });
  model.on("change:display_side", redraw);
  model.on("change:label", redraw);
  model.on("msg:custom", receive);
  write();
  model.send({ kind: "hello" });

  return () => {
    ended.abort();
    epoch++;
    for (const timer of [ackTimer, refreshTimer, settleTimer, playing]) clearTimeout(timer);
    model.off("change:display_side", redraw);
    model.off("change:label", redraw);
    model.off("msg:custom", receive);
    root.remove();
  };
}

export default { render };
