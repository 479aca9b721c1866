// Small plots of the last minute: one line each, its newest value and its highest.

const SAMPLES = 240;
const WIDTH = 100, HEIGHT = 32;
const SVG = "http://www.w3.org/2000/svg";

export class Plot {
  constructor(name, unit, title, floor) {
    this.name = name;
    this.unit = unit;
    this.floor = floor;
    this.values = [];
    this.root = document.createElement("div");
    this.root.title = title;
    const list = this.root.appendChild(document.createElement("dl"));
    list.appendChild(document.createElement("dt")).textContent = name;
    this.now = list.appendChild(document.createElement("dd"));
    this.svg = this.root.appendChild(document.createElementNS(SVG, "svg"));
    this.svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    this.svg.setAttribute("preserveAspectRatio", "none");
    this.svg.setAttribute("aria-hidden", "true");
    this.area = this.path("area");
    this.line = this.path("line");
    this.peak = this.root.appendChild(document.createElement("small"));
    this.draw();
  }

  path(kind) {
    const path = this.svg.appendChild(document.createElementNS(SVG, "path"));
    path.setAttribute("class", kind);
    return path;
  }

  // Takes the value of this moment; `null` is none.
  add(value) {
    this.values.push(value);
    if (this.values.length > SAMPLES) this.values.shift();
    this.draw();
  }

  draw() {
    const known = this.values.filter((value) => value !== null);
    const peak = Math.max(0, ...known), top = Math.max(this.floor, peak) * 1.08;
    const x = (index) => WIDTH - (this.values.length - 1 - index) * WIDTH / (SAMPLES - 1);
    const y = (value) => HEIGHT - value / top * HEIGHT;
    let line = "", area = "", from = null;
    this.values.forEach((value, index) => {
      const ends = index + 1 === this.values.length || this.values[index + 1] === null;
      if (value === null) return;
      const point = `${x(index).toFixed(2)},${y(value).toFixed(2)}`;
      from ??= x(index);
      line += (from === x(index) ? "M" : "L") + point;
      area += (from === x(index) ? `M${from.toFixed(2)},${HEIGHT}L` : "L") + point;
      if (ends) {
        area += `L${x(index).toFixed(2)},${HEIGHT}Z`;
        from = null;
      }
    });
    this.line.setAttribute("d", line);
    this.area.setAttribute("d", area);
    const last = this.values.at(-1) ?? null;
    this.now.textContent = last === null ? "–" : `${Math.round(last)} ${this.unit}`;
    this.peak.textContent = known.length ? `highest ${Math.round(peak)}` : "\u00a0";
  }
}

// What the page draws of the counts that the server sends four times a second.
export class Figures {
  constructor(root) {
    this.before = [];
    this.rate = new Plot("Rate", "fps", "Pictures that the client receives in a second", 30);
    this.drops = new Plot("Drops", "/s", "Pictures that are not shown, in a second: lost, or too many for this page", 5);
    this.age = new Plot("Age", "ms", "How long after the client has a picture it is on this screen", 60);
    this.trip = new Plot("Round trip", "ms", "How long the answer to the last prompt took", 500);
    root.append(this.rate.root, this.drops.root, this.age.root, this.trip.root);
  }

  add(figures, streaming) {
    const now = { at: performance.now(), received: figures.received, lost: figures.dropped + figures.skipped };
    this.before.push(now);
    while (now.at - this.before[0].at > 1100) this.before.shift();
    const past = this.before[0], seconds = (now.at - past.at) / 1000;
    const rate = (count, since) => streaming && seconds > 0 ? Math.max(0, count - since) / seconds : null;
    this.rate.add(rate(now.received, past.received));
    this.drops.add(rate(now.lost, past.lost));
    this.age.add(streaming ? figures.age : null);
    this.trip.add(streaming ? figures.round_trip : null);
    this.drops.root.classList.toggle("trouble", (this.drops.values.at(-1) ?? 0) >= 0.5);
  }

  // Counts begin anew with each connection to the server.
  restart() {
    this.before = [];
  }
}
