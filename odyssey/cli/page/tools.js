"use strict";
// What every part of the page needs: the data, and ways to make elements out of text.

const trace = JSON.parse(document.getElementById("data").textContent);

const AT = 0, STEP = 1, KIND = 2, NAME = 3, FROM = 4, TO = 5, TONE = 6, TITLE = 7, DETAIL = 8, CAUSE = 9, ANSWERS = 10, VALUE = 11;
const MISSING = 3; // of a count of frames

const byId = (id) => document.getElementById(id);

// Text is only ever set as text: nothing in a trace can become markup.
function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function shape(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

const clock = (micros) => (micros / 1e6).toFixed(3);

function span(micros) {
  if (micros >= 1e6) return `${(micros / 1e6).toFixed(2)} s`;
  return micros >= 1e3 ? `${(micros / 1e3).toFixed(1)} ms` : `${micros} µs`;
}

const toneOf = (number) => trace.tones[number];

// What is chosen now, and who wants to know.
const choice = { number: null, listeners: [] };

function choose(number) {
  choice.number = number;
  for (const listener of choice.listeners) listener(number);
}

// From the first cause to the record itself.
function chain(number) {
  const found = [];
  for (let each = number; each !== null; each = trace.records[each][CAUSE]) found.push(each);
  return found.reverse();
}
