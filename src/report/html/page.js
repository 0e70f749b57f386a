
'use strict';
// The figures are in the <title>s of what is hovered; this shows them at once, beside a crosshair,
// and lets a keyboard step through them.
(() => {
  const tip = document.createElement('div');
  tip.className = 'tip';
  tip.setAttribute('role', 'status');
  tip.hidden = true;
  document.body.append(tip);
  const charts = [];
  for (const svg of document.querySelectorAll('svg.chart')) {
    const hits = [...svg.querySelectorAll('.hit')].map((rect) => {
      const title = rect.querySelector('title');
      const text = title ? title.textContent : '';
      // The browser's own tooltip would come a second later, over ours.
      if (title) title.remove();
      return { rect, text };
    });
    if (!hits.length) continue;
    const chart = { svg, hits, at: -1, group: svg.dataset.group, line: null };
    const inside = svg.querySelector('.in');
    if (inside) {
      chart.line = document.createElementNS('http://www.w3.org/2000/svg', 'line');
      chart.line.setAttribute('class', 'cross');
      chart.line.setAttribute('y1', 0);
      chart.line.setAttribute('y2', 1000);
      chart.line.setAttribute('visibility', 'hidden');
      inside.append(chart.line);
    }
    charts.push(chart);
    const seek = (event) => {
      let nearest = -1;
      let best = Infinity;
      hits.forEach(({ rect }, i) => {
        const box = rect.getBoundingClientRect();
        const away = Math.max(box.left - event.clientX, event.clientX - box.right, 0);
        if (away < best) { best = away; nearest = i; }
      });
      show(chart, nearest);
    };
    svg.addEventListener('pointermove', seek);
    svg.addEventListener('pointerdown', seek);
    svg.addEventListener('pointerleave', hide);
    svg.addEventListener('blur', hide);
    svg.addEventListener('focus', () => {
      if (svg.matches(':focus-visible')) show(chart, Math.max(chart.at, 0));
    });
    svg.addEventListener('keydown', (event) => {
      const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -hits.length, End: hits.length };
      if (event.key === 'Escape') hide();
      if (!(event.key in steps)) return;
      event.preventDefault();
      const next = chart.at + steps[event.key];
      show(chart, Math.min(Math.max(next, 0), hits.length - 1));
    });
  }

  function place(chart, middle) {
    if (!chart.line) return;
    chart.line.setAttribute('x1', middle);
    chart.line.setAttribute('x2', middle);
    chart.line.setAttribute('visibility', 'visible');
  }

  function show(chart, at) {
    chart.at = at;
    const { rect, text } = chart.hits[at];
    if (chart.line) {
      const middle = Number(rect.getAttribute('x')) + Number(rect.getAttribute('width')) / 2;
      for (const other of charts) {
        if (other === chart || (chart.group && other.group === chart.group)) place(other, middle);
      }
    }
    tip.textContent = text;
    tip.hidden = false;
    const box = rect.getBoundingClientRect();
    const area = chart.svg.getBoundingClientRect();
    const width = document.documentElement.clientWidth;
    const middle = chart.line ? box.left + box.width / 2 : Math.min(area.left + area.width / 2, width);
    const right = middle + 14;
    const left = right + tip.offsetWidth > width ? middle - 14 - tip.offsetWidth : right;
    tip.style.left = `${Math.max(left, 4) + window.scrollX}px`;
    tip.style.top = `${(chart.line ? area.top + 8 : area.bottom + 4) + window.scrollY}px`;
  }

  function hide() {
    tip.hidden = true;
    for (const chart of charts) if (chart.line) chart.line.setAttribute('visibility', 'hidden');
  }
})();
