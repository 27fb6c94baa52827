"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const MINUS = "\u2212";
  const NARROW_PX = 720;
  const COLOURS = 8;
  const OPTIONS = { displaylogo: false, displayModeBar: false, responsive: true, scrollZoom: false };
  const byId = (id) => document.getElementById(id);
  const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const isNarrow = () => window.innerWidth <= NARROW_PX;
  const day = (ms) => new Date(ms).toISOString().slice(0, 16).replace("T", " ");
  const signed = (value, digits) => (value < 0 ? MINUS : "+") + Math.abs(value).toFixed(digits);

  /* A policy has one colour in every chart. */
  const names = data.policies.map((one) => one.name);
  const colour = (name) => ink(`c${names.indexOf(name) % COLOURS}`);
  const row = (name) => {
    const plain = name.replace(/[&<>"]/g, "");
    return `<span style="color:${colour(name)}">${isNarrow() ? plain.replace(":", ":<br>") : plain}</span>  `;
  };

  function axis(more) {
    return {
      gridcolor: ink("grid"), linecolor: ink("line"), zerolinecolor: ink("quiet"), zerolinewidth: 1,
      tickfont: { color: ink("quiet"), size: 11 }, automargin: true, fixedrange: isNarrow(), ...more,
    };
  }

  function layout(more) {
    return {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, color: ink("ink"), size: 12 },
      margin: { l: 8, r: 20, t: 8, b: 8 }, showlegend: false, hovermode: "closest",
      dragmode: isNarrow() ? false : "zoom",
      hoverlabel: { bgcolor: ink("card"), bordercolor: ink("line"), font: { color: ink("ink"), size: 12 } },
      legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { color: ink("ink"), size: 12 } },
      ...more,
    };
  }

  const draw = (id, traces, more) => Plotly.react(byId(id), traces, layout(more), OPTIONS);

  /* The first policy stands on top, as it does in the tables. */
  const rows = (more) => axis({
    tickvals: names, ticktext: names.map(row), showgrid: false, zeroline: false,
    autorange: "reversed", tickfont: { size: isNarrow() ? 10.5 : 12 }, ...more,
  });

  function drawMeans(id, mean, ci, unit, digits) {
    const known = data.policies.filter((one) => one[mean] !== null);
    const traces = known.map((one) => ({
      x: [one[mean]], y: [one.name], type: "scatter", mode: "markers", marker: { color: colour(one.name), size: 10 },
      error_x: one[ci] === null ? { visible: false } : {
        type: "data", symmetric: false, array: [one[ci][1] - one[mean]], arrayminus: [one[mean] - one[ci][0]],
        color: colour(one.name), thickness: 2, width: 6,
      },
      text: one[ci] === null ? "" : `${signed(one[ci][0], digits)} to ${signed(one[ci][1], digits)}`,
      hovertemplate: `%{x:+.${digits}f} ${unit}<br>%{text}<extra></extra>`,
    }));
    draw(id, traces, { xaxis: axis({ rangemode: "tozero", nticks: isNarrow() ? 4 : 7, zeroline: true, tickangle: 0 }), yaxis: rows({}) });
  }

  function drawResults() {
    const traces = data.policies.filter((one) => one.r.length).map((one) => ({
      x: one.r, y: one.r.map(() => one.name), type: "violin", orientation: "h", side: "negative", width: 1.15, scalemode: "width",
      spanmode: "hard", points: "all", pointpos: 0.2, jitter: 0.24, marker: { color: colour(one.name), size: 3, opacity: 0.55 },
      line: { color: colour(one.name), width: 1.4 }, fillcolor: `${colour(one.name)}2e`, box: { visible: false },
      meanline: { visible: true, color: colour(one.name), width: 2 }, hoveron: "points", hovertemplate: "%{x:+.2f} R<extra></extra>",
    }));
    draw("results", traces, { violingap: 0, xaxis: axis({ ticksuffix: " R", zeroline: true, nticks: isNarrow() ? 5 : 12, tickangle: 0 }), yaxis: rows({}) });
  }

  function drawDifferences() {
    if (!data.pairs.length) return;
    const unit = byId("unit").value;
    const label = unit === "r" ? "R" : "USDT";
    const traces = data.pairs.map((pair) => ({
      x: pair[unit].map((_, index) => index + 1), y: pair[unit], type: "scatter", mode: "lines", name: pair.name,
      line: { color: colour(pair.name), width: 1.8, shape: "hv" }, text: pair.t.map(day),
      hovertemplate: `entry %{x}, %{text}<br>%{y:+,.2f} ${label}<extra>${pair.name}</extra>`,
    }));
    draw("differences", traces, {
      showlegend: true, hovermode: "closest",
      xaxis: axis({ showgrid: false, zeroline: false, rangemode: "tozero", nticks: isNarrow() ? 5 : 10, tickangle: 0, title: { text: "entries", font: { size: 11, color: ink("quiet") } } }),
      yaxis: axis({ ticksuffix: ` ${label}`, zeroline: true }),
    });
  }

  /* The switch remembers; a page opened from a file may have no storage, and then it does not. */
  const store = {
    read() { try { return localStorage.getItem("theme"); } catch { return null; } },
    write(theme) { try { localStorage.setItem("theme", theme); } catch { /* shown, not kept */ } },
  };

  function wear(theme) {
    if (theme === "auto") document.documentElement.removeAttribute("data-theme");
    else document.documentElement.dataset.theme = theme;
    for (const button of document.querySelectorAll("[data-theme-choice]"))
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === theme));
  }

  function drawAll() {
    drawMeans("means-r", "mean_r", "ci_r", "R", 3);
    drawMeans("means-usd", "mean_usd", "ci_usd", "USDT", 2);
    drawDifferences();
    drawResults();
  }

  for (const [id, most] of [["means-r", 34], ["means-usd", 34], ["results", 96]])
    byId(id).style.height = `${56 + most * names.length}px`;
  wear(store.read() ?? "auto");
  drawAll();
  for (const button of document.querySelectorAll("[data-theme-choice]"))
    button.addEventListener("click", () => {
      store.write(button.dataset.themeChoice);
      wear(button.dataset.themeChoice);
      drawAll();
    });
  byId("unit")?.addEventListener("change", drawDifferences);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  let wasNarrow = isNarrow();
  addEventListener("resize", () => {
    if (wasNarrow === isNarrow()) return;
    wasNarrow = isNarrow();
    drawAll();
  });
})();
