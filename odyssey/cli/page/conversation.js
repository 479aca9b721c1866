"use strict";
// Who says what to whom: one line for a record, and only the lines in sight exist.

const conversation = (() => {
  const HEIGHT = 32, AHEAD = 12;
  const rows = byId("rows"), space = byId("space");
  const words = trace.records.map((record) => `${record[NAME]} ${record[TITLE]} ${record[DETAIL]}`.toLowerCase());
  const quiet = trace.tones.indexOf("quiet"), bad = trace.tones.indexOf("bad");
  let shown = [], place = new Map(), linked = new Set();

  function filter() {
    const wanted = byId("search").value.trim().toLowerCase();
    const all = byId("quiet").checked, trouble = byId("bad").checked;
    shown = [];
    trace.records.forEach((record, number) => {
      if (trouble ? record[TONE] !== bad : record[TONE] === quiet && !all) return;
      if (wanted && !words[number].includes(wanted)) return;
      shown.push(number);
    });
    place = new Map(shown.map((number, index) => [number, index]));
    space.style.height = `${shown.length * HEIGHT}px`;
    byId("count").textContent = `${shown.length} of ${trace.records.length} records`;
    draw();
  }

  const middle = (lane) => lane * 20 + 10;

  function row(number, index) {
    const record = trace.records[number], [source, target] = [record[FROM], record[TO]];
    const made = element("div", `row ${toneOf(record[TONE])}`);
    made.dataset.number = number;
    made.style.top = `${index * HEIGHT}px`;
    made.setAttribute("role", "option");
    if (number === choice.number) {
      made.classList.add("chosen");
      made.setAttribute("aria-selected", "true");
    } else if (linked.has(number)) made.classList.add("chain");
    made.append(element("span", "at", clock(record[AT])));
    const flow = element("div", "flow"), left = Math.min(source, target);
    const say = element("span", "say");
    say.append(element("b", "", record[TITLE]));
    if (record[DETAIL]) say.append(element("small", "", `  ${record[DETAIL]}`));
    const begins = `${middle(left)}% + ${source === target ? 7 : 2}px`;
    say.style.left = `calc(${begins})`;
    say.style.maxWidth = `calc(100% - (${begins}))`;
    if (source === target) {
      const dot = element("i", "dot");
      dot.style.left = `${middle(source)}%`;
      flow.append(dot);
    } else {
      const arrow = element("i", `arrow ${source < target ? "right" : "left"}`);
      arrow.style.left = `${middle(left)}%`;
      arrow.style.width = `${Math.abs(target - source) * 20}%`;
      flow.append(arrow);
    }
    flow.append(say);
    made.append(flow);
    return made;
  }

  function draw() {
    const first = Math.max(0, Math.floor(rows.scrollTop / HEIGHT) - AHEAD);
    const last = Math.min(shown.length, Math.ceil((rows.scrollTop + rows.clientHeight) / HEIGHT) + AHEAD);
    const made = [];
    for (let index = first; index < last; index++) made.push(row(shown[index], index));
    space.replaceChildren(...made);
  }

  function reveal(number) {
    linked = new Set(number === null ? [] : chain(number));
    if (number !== null && !place.has(number)) {
      byId("search").value = "";
      byId("quiet").checked = byId("quiet").checked || trace.records[number][TONE] === quiet;
      byId("bad").checked = false;
      filter();
    }
    const top = (place.get(number) ?? 0) * HEIGHT;
    if (number !== null && (top < rows.scrollTop || top + HEIGHT > rows.scrollTop + rows.clientHeight)) {
      rows.scrollTop = Math.max(0, top - rows.clientHeight / 2);
    }
    draw();
  }

  function move(by) {
    if (!shown.length) return;
    const now = place.get(choice.number) ?? (by > 0 ? -1 : shown.length);
    choose(shown[Math.min(Math.max(now + by, 0), shown.length - 1)]);
  }

  const KEYS = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: 15, PageUp: -15, Home: -Infinity, End: Infinity };
  rows.addEventListener("keydown", (event) => {
    const by = KEYS[event.key];
    if (by === undefined || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    move(by);
  });
  rows.addEventListener("click", (event) => {
    const found = event.target.closest(".row");
    if (found) choose(Number(found.dataset.number));
  });
  rows.addEventListener("scroll", draw, { passive: true });
  for (const id of ["search", "quiet", "bad"]) byId(id).addEventListener("input", filter);
  window.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target === byId("search")) return;
    event.preventDefault();
    byId("search").focus();
  });
  new ResizeObserver(draw).observe(rows);
  choice.listeners.push(reveal);
  return { filter };
})();
