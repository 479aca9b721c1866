// The page: shows how the session stands, and does what its buttons say.

import { Connection, press } from "./connection.js";
import { Figures } from "./plots.js";

const at = (id) => document.getElementById(id);
const prompt = at("prompt"), picture = at("picture"), pen = picture.getContext("2d", { alpha: false });
const WORDS = {
  authenticating: "signing in…", connecting: "connecting…", reconnecting: "connecting again…",
  connected: "connected", disconnected: "not connected", failed: "connection lost",
  streaming: "live", gone: "odyssey view has ended",
};
const ENDED = {
  meaning: "odyssey view has ended", message: "",
  advice: "Start it again, and open the address that it prints.",
};
const MAX_IMAGE_MB = 25;
const BUSY = new Set(["authenticating", "connecting", "reconnecting"]);

let state = { status: "disconnected", streaming: false, prompts: [], problem: null };
let image = null;
let recalled = null;

const figures = new Figures(at("plots"));
new Connection({
  state: (next) => { state = next; show(); },
  figures: (next) => {
    figures.add(next, state.streaming);
    const limit = state.streaming && next.limited_by ? `limited by ${next.limited_by}` : "";
    if (at("limit").textContent !== limit) at("limit").textContent = limit;
    at("recorded").textContent = next.recorded === null ? "" : clock(next.recorded);
  },
  picture: (bitmap) => {
    if (picture.width !== bitmap.width || picture.height !== bitmap.height) {
      [picture.width, picture.height] = [bitmap.width, bitmap.height];
      document.body.style.setProperty("--ratio", bitmap.width / bitmap.height);
    }
    pen.drawImage(bitmap, 0, 0);
    picture.hidden = false;
    at("welcome").hidden = true;
  },
  gone: () => {
    figures.restart();
    state = { ...state, status: "gone", streaming: false, recording: false, problem: ENDED };
    show();
  },
});

// --- what is seen ---------------------------------------------------------------------------

function show() {
  const { status, streaming, problem } = state, busy = BUSY.has(status), gone = status === "gone";
  const lost = problem !== null && status === "disconnected";
  const shown = streaming && status === "connected" ? "streaming" : lost ? "failed" : status;
  if (at("status").dataset.status !== shown || at("status").textContent !== WORDS[shown]) {
    at("status").dataset.status = shown;
    at("status").textContent = WORDS[shown] ?? status;
    document.title = shown === "streaming" ? "● Odyssey" : "Odyssey";
  }
  const connected = busy || status === "connected";
  at("connect").textContent = busy ? "Cancel" : connected ? "Disconnect" : "Connect";
  at("connect").disabled = gone;
  at("send").textContent = streaming ? "Send" : "Start";
  at("send").disabled = gone || busy;
  at("end").hidden = !streaming;
  at("beginning").hidden = streaming && image === null;
  prompt.placeholder = streaming ? "What happens next?" : "A cat in a sunny meadow";
  picture.classList.toggle("past", !streaming);
  at("problem").hidden = problem === null || busy;
  at("again").hidden = gone;
  if (problem !== null) {
    at("problem-meaning").textContent = problem.meaning || problem.message;
    at("problem-message").textContent = problem.meaning ? problem.message : "";
    at("problem-advice").textContent = problem.advice;
  }
  at("welcome").hidden = !picture.hidden || problem !== null;
  at("record").setAttribute("aria-pressed", state.recording === true);
  at("record").textContent = state.recording ? "Stop recording" : "Record";
  at("record").disabled = gone;
  at("recording-light").hidden = !state.recording;
  at("trace").setAttribute("aria-disabled", !state.trace || gone);
  list("prompts", state.prompts.toReversed(), promptRow);
  at("no-prompts").hidden = state.prompts.length > 0;
  list("recordings", (state.recordings ?? []).toReversed(), recordingRow);
  list("happenings", (state.happenings ?? []).toReversed(), happeningRow);
}

// Rows are made anew only when something is another, so that what has the focus keeps it.
const listed = {};
function list(id, items, row) {
  const now = JSON.stringify(items);
  if (listed[id] === now) return;
  listed[id] = now;
  at(id).replaceChildren(...items.map(row));
}

function make(name, text = "", kind = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function promptRow({ text, starts, applied, milliseconds, error }) {
  const row = make("li", "", error ? "refused" : ""), button = make("button", text || "(the image alone)");
  button.type = "button";
  button.addEventListener("click", () => write(text));
  const took = milliseconds === null ? "on its way…" : `${starts ? "started" : "applied"} in ${milliseconds} ms`;
  button.append(make("small", error ?? (applied && applied !== text ? `${took} as “${applied}”` : took)));
  row.append(button);
  return row;
}

function recordingRow({ name, seconds, frames }) {
  const row = make("li"), link = make("a", name);
  link.href = `recordings/${encodeURIComponent(name)}`;
  link.download = name;
  link.append(make("span", clock(seconds)));
  link.title = `${frames} pictures`;
  row.append(link);
  return row;
}

function happeningRow({ at: time, kind, text }) {
  const row = make("li", "", kind);
  row.append(make("time", time), make("span", text));
  return row;
}

function clock(seconds) {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}

// --- what is done ---------------------------------------------------------------------------

async function ask(what, given) {
  at("complaint").textContent = "";
  try {
    await press(what, given);
    return true;
  } catch (problem) {
    // One that ended the connection stands in the picture already.
    const words = [problem.message, problem.advice].filter(Boolean).join(" ");
    if (state.problem === null || state.problem.message !== problem.message) at("complaint").textContent = words;
    return false;
  }
}

async function send() {
  const text = prompt.value.trim();
  if (!text && (state.streaming || image === null)) return prompt.focus();
  write("");
  const portrait = document.querySelector("[name=orientation]:checked").value === "portrait";
  const streaming = state.streaming;
  const done = streaming ? await ask("interact", { prompt: text }) : await ask("start", { prompt: text, portrait, image });
  if (!done && prompt.value === "") write(text);
  if (done && !streaming) await choose(null);
}

function connect() {
  const connected = BUSY.has(state.status) || state.status === "connected";
  return ask(connected ? "disconnect" : "connect");
}

function write(text) {
  prompt.value = text;
  recalled = null;
  grow();
  prompt.focus({ preventScroll: true });
}

// Where the style sheet cannot say so.
function grow() {
  if (CSS.supports("field-sizing", "content")) return;
  prompt.style.height = "auto";
  prompt.style.height = `${prompt.scrollHeight}px`;
}

// Brings back what was written before.
function recall(step) {
  const texts = [...new Set(state.prompts.map(({ text }) => text).toReversed())].filter(Boolean);
  const next = (recalled ?? -1) + step;
  if (next >= texts.length) return;
  write(next < 0 ? "" : texts[next]);
  recalled = next < 0 ? null : next;
}

async function choose(file) {
  at("file").value = "";
  const large = file !== null && file.size > MAX_IMAGE_MB * 2 ** 20;
  at("complaint").textContent = large ? `the image has more than ${MAX_IMAGE_MB} MB` : "";
  if (large) return;
  image = file && await new Promise((done, failed) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => done(reader.result));
    reader.addEventListener("error", () => failed(reader.error));
    reader.readAsDataURL(file);
  });
  at("chip").hidden = image === null;
  if (image === null) at("thumbnail").removeAttribute("src");
  else at("thumbnail").src = image;
  show();
}

function orient(way) {
  document.querySelector(`[name=orientation][value=${way}]`).checked = true;
}

at("composer").addEventListener("submit", (event) => { event.preventDefault(); send(); });
at("connect").addEventListener("click", connect);
at("again").addEventListener("click", () => ask("connect"));
at("end").addEventListener("click", () => ask("end"));
at("record").addEventListener("click", () => ask(state.recording ? "stop-recording" : "record"));
at("trace").addEventListener("click", (event) => { if (at("trace").ariaDisabled === "true") event.preventDefault(); });
at("choose").addEventListener("click", () => at("file").click());
at("file").addEventListener("change", () => choose(at("file").files[0] ?? null));
at("remove-image").addEventListener("click", () => { choose(null); at("choose").focus(); });
prompt.addEventListener("input", () => { recalled = null; grow(); });

for (const kind of ["dragenter", "dragover"]) {
  addEventListener(kind, (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    document.body.classList.add("dropping");
  });
}
addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) document.body.classList.remove("dropping");
});
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  if (event.dataTransfer.files.length) choose(event.dataTransfer.files[0]);
});
addEventListener("paste", ({ clipboardData }) => {
  const file = [...clipboardData.files].find(({ type }) => type.startsWith("image/"));
  if (file) choose(file);
});

// --- the keyboard ---------------------------------------------------------------------------

const LETTERS = {
  "/": ["write a prompt", () => prompt.focus()],
  c: ["connect, disconnect", () => at("connect").click()],
  e: ["end the stream", () => at("end").click()],
  i: ["choose an image", () => at("choose").click()],
  o: ["turn the next stream", () => orient(document.querySelector("[value=portrait]").checked ? "landscape" : "portrait")],
  r: ["record, stop", () => at("record").click()],
  t: ["save the trace", () => at("trace").click()],
};
const KEYS = [["Enter", "start, or send"], ["Shift Enter", "a new line"], ["↑ ↓", "earlier prompts"], ["Esc", "leave the prompt"]];

for (const [key, what] of [...KEYS, ...Object.entries(LETTERS).map(([key, [what]]) => [key, what])]) {
  const term = make("dt");
  term.append(make("kbd", key));
  at("keys").append(term, make("dd", what));
}

prompt.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  const line = prompt.value.slice(0, prompt.selectionStart), rest = prompt.value.slice(prompt.selectionEnd);
  if (event.key === "Enter" && !event.shiftKey) at("composer").requestSubmit(at("send"));
  else if (event.key === "ArrowUp" && !line.includes("\n")) recall(1);
  else if (event.key === "ArrowDown" && !rest.includes("\n") && recalled !== null) recall(-1);
  else if (event.key === "Escape") prompt.blur();
  else return;
  event.preventDefault();
});
addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("textarea, input:not([type=checkbox], [type=radio])");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !at("letters").checked) return;
  const [, act] = LETTERS[event.key] ?? [];
  if (act === undefined) return;
  event.preventDefault();
  act();
});

at("letters").checked = localStorage.getItem("letters") !== "no";
at("letters").addEventListener("change", () => localStorage.setItem("letters", at("letters").checked ? "yes" : "no"));
orient(matchMedia("(max-width: 860px)").matches ? "portrait" : "landscape");
if (!matchMedia("(pointer: coarse)").matches) prompt.focus();
show();
