"use strict";
// One record, opened: what it is, why it happened, what came of it, and the state it left.

const opening = (() => {
  const place = byId("record");

  function list(title, numbers) {
    if (!numbers.length) return [];
    const items = element("ol");
    for (const number of numbers) {
      const record = trace.records[number], item = element("li"), link = element("button", "", record[TITLE]);
      link.addEventListener("click", () => choose(number));
      item.append(element("span", "at", clock(record[AT])), link);
      items.append(item);
    }
    return [element("h4", "", title), items];
  }

  function state(step) {
    const now = trace.states[trace.stateOfStep[step]], before = new Map(trace.states[trace.stateOfStep[step - 1]] || []);
    if (!now) return [];
    const table = element("table");
    for (const [name, value] of now) {
      const line = element("tr");
      const cell = element("td", before.get(name) === value ? "" : "changed", value || "–");
      line.append(element("td", "", name), cell);
      table.append(line);
    }
    return [element("h4", "", "State after this step"), table];
  }

  function open(number) {
    if (number === null) {
      place.replaceChildren(element("p", "", "Select a record to see its details: click it, or use the arrow keys."));
      return;
    }
    const record = trace.records[number], [source, target] = [record[FROM], record[TO]];
    const direction = source === target ? trace.actors[source] : `${trace.actors[source]} → ${trace.actors[target]}`;
    const same = trace.records.flatMap((each, other) => (each[STEP] === record[STEP] && other !== number ? [other] : []));
    const answer = trace.records.findIndex((each) => each[ANSWERS] === number);
    const text = element("pre", "", JSON.stringify(JSON.parse(record[VALUE]), null, 2));
    const parts = [
      element("h3", "", record[TITLE]),
      element("p", "", `${clock(record[AT])} s · step ${record[STEP]} · ${record[KIND]} · ${record[NAME]} · ${direction}`),
    ];
    if (record[DETAIL]) parts.push(element("p", "", record[DETAIL]));
    parts.push(...list("What led to it", chain(number).slice(0, -1)));
    if (record[ANSWERS] !== null) parts.push(...list("It answers", [record[ANSWERS]]));
    if (answer >= 0) parts.push(...list("Its answer", [answer]));
    parts.push(element("h4", "", "Contents"), text);
    parts.push(...list("In the same step", same), ...state(record[STEP]));
    place.replaceChildren(...parts);
    place.scrollTop = 0;
  }

  choice.listeners.push(open);
  return { open };
})();
