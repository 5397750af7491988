// Reads the curves' values off under the pointer.
const LEFT = 44, RIGHT = 386, WIDTH = 400;
const tip = document.getElementById("tip");
for (const svg of document.querySelectorAll("svg[data-traces]")) {
  const traces = JSON.parse(svg.dataset.traces);
  const low = Number(svg.dataset.low), high = Number(svg.dataset.high);
  const rule = document.createElementNS("http://www.w3.org/2000/svg", "line");
  rule.setAttribute("class", "rule");
  rule.setAttribute("y1", 12);
  rule.setAttribute("y2", 194);
  svg.append(rule);
  svg.addEventListener("pointermove", event => {
    const box = svg.getBoundingClientRect();
    const place = (event.clientX - box.left) / box.width * WIDTH;
    const step = low + (place - LEFT) / (RIGHT - LEFT) * (high - low);
    const nearest = steps => steps.reduce((best, one, i) =>
      Math.abs(one - step) < Math.abs(steps[best] - step) ? i : best, 0);
    const shown = traces[0].steps[nearest(traces[0].steps)];
    const x = LEFT + (shown - low) / (high - low) * (RIGHT - LEFT);
    rule.setAttribute("x1", x);
    rule.setAttribute("x2", x);
    rule.classList.add("shown");
    tip.replaceChildren(line("", shown.toLocaleString(), "step"));
    for (const trace of traces) {
      if (trace.steps.length) {
        const name = traces.length > 1 ? trace.name : "";
        tip.append(line(trace.colour, trace.values[nearest(trace.steps)], name));
      }
    }
    tip.hidden = false;
    const left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 8)}px`;
  });
  svg.addEventListener("pointerleave", () => {
    tip.hidden = true;
    rule.classList.remove("shown");
  });
}

function line(colour, value, name) {
  const row = document.createElement("div");
  const mark = document.createElement("i");
  mark.className = colour;
  const strong = document.createElement("b");
  strong.textContent = value;
  row.append(mark, strong, ` ${name}`);
  return row;
}
