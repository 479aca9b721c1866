"use strict";
// What lasted, drawn against time: states, questions and their answers, frames and what is missing of them.

const timeline = (() => {
  const LABEL = 92, ROW = 20, BAR = 15, FRAMES = 46, AXIS = 22;
  const place = byId("timeline");
  let from = 0, until = Math.max(trace.length, 1), width = 0, drag = null;

  const x = (at) => LABEL + ((at - from) / (until - from)) * (width - LABEL);
  const timeAt = (pixel) => from + ((pixel - LABEL) / (width - LABEL)) * (until - from);

  // Bars that overlap in time get lines of their own, up to a few.
  function packed(bars, most) {
    const ends = [];
    return bars.map((bar) => {
      const end = bar[2] === null ? trace.length : bar[2];
      let line = ends.findIndex((each) => each <= bar[1]);
      if (line < 0) line = ends.length < most ? ends.length : most - 1;
      ends[line] = Math.max(ends[line] || 0, end);
      return [line, bar];
    });
  }

  function lanes() {
    const made = [
      ["status", packed(trace.statuses, 1), "span"],
      ["phase", packed(trace.phases, 1), "span"],
      ["stream", packed(trace.streams, 1), "span"],
    ];
    trace.actors.forEach((actor, index) => {
      const waits = trace.waits.filter((wait) => wait[0] === index).map((wait) => wait.slice(1));
      if (waits.length) made.push([actor, packed(waits, 4), "wait"]);
    });
    return made.filter(([, bars]) => bars.length);
  }

  function bar(svg, entry, top, kind) {
    const [name, begins, ends, number, tone] = entry;
    const left = Math.max(x(begins), LABEL), right = Math.min(x(ends === null ? trace.length : ends), width);
    if (right < LABEL || left > width) return;
    const size = Math.max(right - left, 2);
    const drawn = shape("rect", {
      x: left, y: top, width: size, height: BAR, rx: 3, class: `${kind} ${toneOf(tone)}`, "data-number": number,
    });
    const lasted = ends === null ? "without an end" : span(ends - begins);
    drawn.append(shape("title", {}, `${name}: ${lasted}`));
    svg.append(drawn);
    if (kind === "span" && size > name.length * 7 + 8) {
      svg.append(shape("text", { x: left + 5, y: top + 12, class: "inside" }, name));
    }
  }

  function frames(svg, top) {
    const rate = ([begins, ends, count]) => (count * 1e6) / Math.max(ends - begins, 1);
    const most = Math.max(...trace.frames.map(rate), 1);
    for (const each of trace.frames) {
      const [begins, ends, count, missing, number] = each;
      const left = Math.max(x(begins), LABEL), right = Math.min(x(ends), width);
      if (right < LABEL || left > width) continue;
      const size = Math.max(right - left - 0.5, 1), height = (FRAMES * rate(each)) / most;
      const drawn = shape("rect", {
        x: left, y: top + FRAMES - height, width: size, height: Math.max(height, 1), class: "frames", "data-number": number,
      });
      drawn.append(shape("title", {}, `${count} frames in ${span(ends - begins)}, ${rate(each).toFixed(1)} a second`));
      svg.append(drawn);
      if (missing) {
        const lost = shape("rect", { x: left, y: top, width: size, height: FRAMES - height, class: "missing", opacity: 0.35, "data-number": number });
        lost.append(shape("title", {}, `about ${missing} fewer than at the median rate`));
        svg.append(lost);
      }
    }
    for (const stall of trace.stalls) bar(svg, stall, top + FRAMES - BAR, "wait");
  }

  function axis(svg, top, height) {
    const steps = [1, 2, 5, 10, 20, 50, 1e2, 2e2, 5e2, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 1e7, 3e7, 6e7, 3e8, 6e8, 36e8];
    const step = steps.find((each) => (until - from) / each <= 10) || 36e9;
    for (let at = Math.ceil(from / step) * step; at <= until; at += step) {
      svg.append(shape("line", { x1: x(at), x2: x(at), y1: top, y2: height, class: "grid" }));
      if (x(at) < width - 40) svg.append(shape("text", { x: x(at) + 3, y: 14 }, `${+(at / 1e6).toFixed(6)} s`));
    }
  }

  function draw() {
    width = place.clientWidth;
    const drawn = lanes(), lines = ([, bars]) => Math.max(...bars.map(([line]) => line)) + 1;
    const shown = trace.frames.length || trace.stalls.length;
    const height = AXIS + drawn.reduce((sum, lane) => sum + lines(lane) * ROW + 4, 0) + (shown ? FRAMES + 10 : 0);
    const svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, height, role: "img", "aria-label": "timeline" });
    axis(svg, AXIS - 4, height);
    let top = AXIS;
    for (const lane of drawn) {
      const [name, bars, kind] = lane;
      svg.append(shape("text", { x: 0, y: top + 12 }, name));
      for (const [line, entry] of bars) bar(svg, entry, top + line * ROW, kind);
      top += lines(lane) * ROW + 4;
    }
    if (shown) {
      svg.append(shape("text", { x: 0, y: top + 26 }, "frames"));
      frames(svg, top);
    }
    const chosen = choice.number === null ? null : trace.records[choice.number][AT];
    if (chosen !== null && chosen >= from && chosen <= until) {
      svg.append(shape("line", { x1: x(chosen), x2: x(chosen), y1: AXIS - 4, y2: height, class: "here" }));
    }
    place.replaceChildren(svg);
  }

  const pixel = (event) => event.clientX - place.getBoundingClientRect().left;

  place.addEventListener("pointerdown", (event) => {
    drag = { began: pixel(event), number: event.target.getAttribute("data-number"), box: null };
  });
  window.addEventListener("pointermove", (event) => {
    if (!drag || Math.abs(pixel(event) - drag.began) < 4) return;
    if (!drag.box) {
      const svg = place.querySelector("svg");
      drag.box = shape("rect", { y: AXIS - 4, height: svg.viewBox.baseVal.height, class: "drag" });
      svg.append(drag.box);
    }
    drag.box.setAttribute("x", Math.max(Math.min(pixel(event), drag.began), LABEL));
    drag.box.setAttribute("width", Math.abs(pixel(event) - drag.began));
  });
  window.addEventListener("pointerup", (event) => {
    if (!drag) return;
    const { began, number, box } = drag;
    drag = null;
    if (box) {
      const ends = [timeAt(began), timeAt(pixel(event))].map((at) => Math.min(Math.max(at, from), until)).sort((a, b) => a - b);
      if (ends[1] - ends[0] >= 10) [from, until] = ends;
      draw();
    } else if (number !== null) choose(Number(number));
  });
  place.addEventListener("dblclick", () => {
    [from, until] = [0, Math.max(trace.length, 1)];
    draw();
  });
  new ResizeObserver(() => { if (place.clientWidth !== width) draw(); }).observe(place);
  choice.listeners.push(draw);
  return { draw };
})();
