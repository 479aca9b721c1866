"use strict";
// The head of the page, the paths to the first frame, and the beginning of everything.

function head() {
  byId("title").textContent = trace.title;
  for (const [text, number] of trace.failures) {
    const item = element("li"), link = element("button", "", text);
    link.addEventListener("click", () => choose(number));
    item.append(link);
    byId("failures").append(item);
  }
  for (const fact of trace.facts) byId("facts").append(element("li", "", fact));
  for (const warning of trace.warnings) byId("warnings").append(element("li", "", warning));
  byId("lanes").append(element("span"), ...trace.actors.map((actor) => element("span", "", actor.replace(/^(appli|specta|signal|stream)/, "$1\u00ad"))));
  byId("estimate").hidden = !trace.frames.some((each) => each[MISSING]);
}

function path({ reached, phases }) {
  const place = element("div", "path"), begins = phases[0][1];
  const ends = phases[phases.length - 1][2] ?? trace.length, whole = Math.max(ends - begins, 1);
  for (const [name, began, ended, number, tone] of phases) {
    const until = ended ?? trace.length, track = element("div", "track"), bar = element("div", `bar ${toneOf(tone)}`);
    bar.style.left = `${((began - begins) / whole) * 100}%`;
    bar.style.width = `${((until - began) / whole) * 100}%`;
    track.append(bar);
    const link = element("button", "name", name);
    link.addEventListener("click", () => choose(number));
    place.append(link, track, element("span", "took", span(until - began)));
  }
  const outcome = element("span", `name total ${reached ? "good" : "bad-text"}`, reached ? "first frame after" : "no frame after");
  place.append(outcome, element("span"), element("span", "took total", span(whole)));
  return place;
}

head();
if (trace.paths.length) byId("paths").append(...trace.paths.map(path));
else byId("paths-title").closest("section").remove();
timeline.draw();
conversation.filter();
opening.open(null);
document.body.dataset.ready = "yes";
