"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const MINUS = "\u2212";
  const NARROW_PX = 720;
  const byId = (id) => document.getElementById(id);
  const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const isNarrow = () => window.innerWidth <= NARROW_PX;
  const words = (text) => text.replaceAll("_", " ");
  const iso = (ms) => new Date(ms).toISOString();
  const minute = (ms) => iso(ms).slice(0, 16).replace("T", " ");
  const signed = (value, digits = 2) =>
    (value < 0 ? MINUS : "+") +
    Math.abs(value).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const price = (value) => value.toLocaleString("en-US", { maximumSignificantDigits: 8 });
  const escaped = (text) =>
    String(text).replace(/[&<>"]/g, (one) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[one]);

  function span(ms) {
    if (ms >= 86400000) return `${+(ms / 86400000).toFixed(1)} d`;
    if (ms >= 3600000) return `${+(ms / 3600000).toFixed(1)} h`;
    return `${Math.round(ms / 60000)} min`;
  }

  /* Charts share one look, read from the style sheet so that both colour schemes are one. */

  const OPTIONS = { displaylogo: false, displayModeBar: false, responsive: true, scrollZoom: false };

  function axis(more) {
    return {
      gridcolor: ink("grid"), linecolor: ink("line"), zerolinecolor: ink("line"),
      tickfont: { color: ink("quiet"), size: 11 }, automargin: true, fixedrange: isNarrow(), ...more,
    };
  }

  function timeAxis(more) {
    const rangebreaks = data.breaks.map((bounds) => ({ bounds: bounds.map(iso) }));
    return axis({ type: "date", showgrid: false, tickangle: 0, nticks: isNarrow() ? 4 : 9, rangebreaks, ...more });
  }

  /* Where the axis leaves time out, a dotted upright says so. */
  function seams() {
    return data.breaks.map(([from]) => ({
      type: "line", xref: "x", x0: iso(from), x1: iso(from), yref: "paper", y0: 0, y1: 1, layer: "below",
      line: { color: ink("quiet"), width: 1, dash: "dot" },
    }));
  }

  function layout(more) {
    return {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, color: ink("ink"), size: 12 },
      margin: { l: 8, r: 8, t: 8, b: 8 }, showlegend: false, hovermode: "x unified",
      dragmode: isNarrow() ? false : "zoom",
      hoverlabel: { bgcolor: ink("card"), bordercolor: ink("line"), font: { color: ink("ink"), size: 12 } },
      legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { color: ink("quiet"), size: 11 } },
      ...more,
    };
  }

  const draw = (id, traces, more) => Plotly.react(byId(id), traces, layout(more), OPTIONS);

  function drawEquity() {
    const { t, equity, fall, deposit } = data.equity;
    const x = t.map(iso);
    const line = (y, more) => ({ x, y, type: "scatter", mode: "lines", ...more });
    draw("equity", [
      line(equity, {
        line: { color: ink("accent"), width: 1.6 }, hovertemplate: "%{y:,.2f} USDT<extra>equity</extra>",
      }),
      line(fall, {
        yaxis: "y2", line: { color: ink("bad"), width: 1 }, fill: "tozeroy", fillcolor: ink("bad") + "2e",
        hovertemplate: "%{y:.2%}<extra>drawdown</extra>",
      }),
    ], {
      xaxis: timeAxis({ anchor: "y2" }),
      yaxis: axis({ domain: [0.36, 1], tickformat: ",.0f" }),
      yaxis2: axis({ domain: [0, 0.28], tickformat: ".1%", rangemode: "tozero" }),
      shapes: [...seams(), {
        type: "line", xref: "paper", x0: 0, x1: 1, yref: "y", y0: deposit, y1: deposit,
        line: { color: ink("quiet"), width: 1, dash: "dot" },
      }],
    });
  }

  function candles({ t, o, h, l, c, step_ms }) {
    return {
      type: "candlestick", x: t.map((ms) => iso(ms + step_ms / 2)), open: o, high: h, low: l, close: c,
      increasing: { line: { color: ink("good"), width: 1 }, fillcolor: ink("good") },
      decreasing: { line: { color: ink("bad"), width: 1 }, fillcolor: ink("bad") },
      name: "price", showlegend: false, opacity: 0.55, hoverinfo: "none",
    };
  }

  /* Whole run of one symbol. Few trades in sight show their entries and ways; many, how they ended. */

  const TRADES_LEGIBLE = 80;

  function ways(trades, won) {
    const x = [], y = [];
    for (const trade of trades) {
      if (trade.net > 0 !== won) continue;
      x.push(iso(trade.opened), iso(trade.closed), null);
      y.push(trade.entry, trade.exit, null);
    }
    return {
      x, y, type: "scatter", mode: "lines", hoverinfo: "skip",
      line: { color: ink(won ? "good" : "bad"), width: 2, dash: won ? "solid" : "dot" },
    };
  }

  function entries(trades) {
    return {
      x: trades.map((one) => iso(one.opened)), y: trades.map((one) => one.entry), type: "scatter", mode: "markers",
      customdata: trades.map((one) => one.n), hovertemplate: "%{text}<extra></extra>",
      text: trades.map((one) => `No. ${one.n}: ${one.side} at ${price(one.entry)}`),
      marker: {
        symbol: trades.map((one) => (one.side === "LONG" ? "triangle-up" : "triangle-down")),
        size: 11, color: ink("accent"), line: { color: ink("card"), width: 1 },
      },
    };
  }

  function exits(trades, legible) {
    return {
      x: trades.map((one) => iso(one.closed)), y: trades.map((one) => one.exit), type: "scatter", mode: "markers",
      customdata: trades.map((one) => one.n), hovertemplate: "%{text}<extra></extra>",
      text: trades.map((one) =>
        `No. ${one.n}: ${one.side}, ${escaped(words(one.reason))} at ${price(one.exit)}, ${signed(one.r)} R`),
      marker: {
        symbol: trades.map((one) => (one.net > 0 ? "circle" : "x")), size: legible ? 8 : 5, opacity: legible ? 1 : 0.85,
        color: trades.map((one) => ink(one.net > 0 ? "good" : "bad")), line: { color: ink("card"), width: legible ? 1 : 0 },
      },
    };
  }

  function drawMarket() {
    const symbol = byId("symbol").value;
    const market = data.markets[symbol];
    const trades = data.trades.filter((trade) => trade.symbol === symbol);
    const seen = trades.filter((one) => !inSight || (one.closed >= inSight[0] && one.opened <= inSight[1]));
    const legible = seen.length <= TRADES_LEGIBLE;
    const bars = candles(market);
    bars.opacity = legible ? 0.55 : 0.8;
    byId("market-note").textContent =
      `${symbol} in bars of ${span(market.step_ms)}. ` +
      (data.trades.length < data.trades_total ? "The exits of the trades below are marked: " : "Every exit is marked: ") +
      "a dot won, a cross lost. " +
      (legible ? "Triangles are entries, up for long and down for short." : "Fewer trades in sight show their entries too.") +
      (isNarrow() ? "" : " Drag to zoom, double-click to return.");
    draw("market", [
      bars, ...(legible ? [ways(seen, true), ways(seen, false)] : []), exits(trades, legible),
      ...(legible ? [entries(seen)] : []),
    ], {
      hovermode: "closest", uirevision: symbol, shapes: seams(),
      xaxis: timeAxis({ rangeslider: { visible: false } }),
      yaxis: axis({ tickformat: ",~r", ...fitting(market) }),
    });
  }

  /* A closer look at some time is a closer look at its prices. */
  function fitting({ t, h, l, step_ms }) {
    if (!inSight) return { autorange: true };
    const seen = t.map((_, index) => index).filter((index) => t[index] + step_ms >= inSight[0] && t[index] <= inSight[1]);
    if (!seen.length) return { autorange: true };
    const low = Math.min(...seen.map((index) => l[index])), high = Math.max(...seen.map((index) => h[index]));
    const margin = (high - low || high * 0.001) * 0.08;
    return { autorange: false, range: [low - margin, high + margin] };
  }

  function lookAt(change) {
    const from = change["xaxis.range[0]"], until = change["xaxis.range[1]"];
    if (from === undefined && !change["xaxis.autorange"]) return;
    inSight = from === undefined ? null : [from, until].map((text) => Date.parse(`${text.replace(" ", "T")}Z`));
    drawMarket();
  }

  /* One trade: its bars, its fills, the stop as it moved, and the targets. */

  function stopPath(trade) {
    const x = [], y = [];
    trade.stops.forEach(([at, level], index) => {
      const until = index + 1 < trade.stops.length ? trade.stops[index + 1][0] : trade.closed;
      x.push(iso(at), iso(until));
      y.push(level, level);
    });
    return {
      x, y, type: "scatter", mode: "lines", name: "stop", line: { color: ink("bad"), width: 2 },
      hovertemplate: "stop %{y}<extra></extra>",
    };
  }

  function targetLines(trade) {
    return trade.targets.map((level, index) => ({
      x: [iso(trade.opened), iso(trade.closed)], y: [level, level], type: "scatter", mode: "lines",
      name: "targets", legendgroup: "targets", showlegend: index === 0,
      line: { color: ink("good"), width: 1.5, dash: "dash" },
      hovertemplate: `target ${index + 1} %{y}<extra></extra>`,
    }));
  }

  /* Stops and targets are met inside a bar; their fills are known at its end. */
  const filledAt = (fill, step_ms) => (fill.role === "stop" || fill.role === "target" ? fill.t - step_ms / 2 : fill.t);

  function fills(trade, isEntry) {
    const chosen = trade.fills.filter((fill) => (fill.role === "entry") === isEntry);
    const up = (trade.side === "LONG") === isEntry;
    return {
      x: chosen.map((fill) => iso(filledAt(fill, trade.candles.step_ms))), y: chosen.map((fill) => fill.price),
      type: "scatter", mode: "markers", name: isEntry ? "entry" : "exits",
      text: chosen.map((fill) => `${fill.role}: ${price(fill.qty)} at ${price(fill.price)}`),
      hovertemplate: "%{text}<extra></extra>",
      marker: {
        symbol: up ? "triangle-up" : "triangle-down", size: 12, color: isEntry ? ink("accent") : ink("ink"),
        line: { color: ink("card"), width: 1.5 },
      },
    };
  }

  function drawTrade() {
    const trade = data.trades[chosen];
    draw("trade", [
      candles(trade.candles), ...targetLines(trade), stopPath(trade), fills(trade, true), fills(trade, false),
    ], {
      hovermode: "closest", showlegend: true,
      xaxis: axis({ type: "date", showgrid: false, tickangle: 0, nticks: isNarrow() ? 4 : 8, rangeslider: { visible: false } }), yaxis: axis({ tickformat: ",~r" }),
    });
    byId("facts").replaceChildren(...facts(trade).flatMap(([name, value]) => [pair(name, value)]));
    tellExit(byId("story"), trade.story);
    byId("position").textContent = `${chosen + 1} of ${data.trades.length}`;
    byId("previous").disabled = chosen === 0;
    byId("next").disabled = chosen === data.trades.length - 1;
    for (const row of byId("trade-rows").children) row.setAttribute("aria-selected", String(+row.dataset.index === chosen));
  }

  function facts(trade) {
    return [
      ["Trade", `No. ${trade.n}, ${trade.side} ${trade.symbol} ${trade.leverage}x`],
      ["Opened (UTC)", minute(trade.opened)],
      ["Held", span(trade.closed - trade.opened)],
      ["Quantity", price(trade.qty)],
      ["Entry", price(trade.entry)],
      ["Exit", price(trade.exit)],
      ["Reason", words(trade.reason)],
      ["Stages harvested", String(trade.stages)],
      ["Gross", signed(trade.gross)],
      ["Fees", signed(-trade.fees)],
      ["Funding", signed(trade.funding)],
      ["Net (USDT)", signed(trade.net)],
      ["Result", `${signed(trade.r)} R`],
      ["Best on the way", `${signed(trade.mfe_r)} R`],
      ["Worst on the way", `${signed(trade.mae_r)} R`],
    ];
  }

  function pair(name, value) {
    const box = document.createElement("div");
    for (const [tag, text] of [["dt", name], ["dd", value]]) {
      const cell = document.createElement(tag);
      cell.textContent = text;
      box.append(cell);
    }
    return box;
  }

  function fillTable() {
    const rows = data.trades.map((trade, index) => {
      const row = document.createElement("tr");
      row.dataset.index = index;
      const mood = trade.net > 0 ? "good" : "bad";
      for (const [text, kind] of [
        [trade.n, ""], [minute(trade.closed), ""], [trade.side, ""], [signed(trade.r), `n ${mood}`],
        [signed(trade.net), "n"], [words(trade.reason), ""], [trade.symbol, ""],
      ]) {
        const cell = row.insertCell();
        cell.className = kind;
        cell.textContent = text;
      }
      return row;
    });
    byId("trade-rows").replaceChildren(...rows);
  }

  function choose(index, scroll) {
    chosen = Math.max(0, Math.min(data.trades.length - 1, index));
    drawTrade();
    if (scroll) byId("trade-rows").children[chosen].scrollIntoView({ block: "nearest" });
  }

  function drawResults() {
    const { edges, counts, mean } = data.r;
    draw("r", [{
      type: "bar", x: counts.map((_, index) => (edges[index] + edges[index + 1]) / 2), y: counts,
      width: counts.map((_, index) => (edges[index + 1] - edges[index]) * 0.92),
      marker: { color: counts.map((_, index) => ink(edges[index] >= 0 ? "good" : "bad")) },
      text: counts.map((_, index) => `${edges[index].toFixed(2)} to ${edges[index + 1].toFixed(2)} R`), textposition: "none",
      hovertemplate: "%{text}: %{y} trades<extra></extra>",
    }], {
      hovermode: "closest", bargap: 0,
      xaxis: axis({ ticksuffix: " R", showgrid: false, zeroline: true }), yaxis: axis({ rangemode: "tozero" }),
      shapes: mean === null ? [] : [{
        type: "line", x0: mean, x1: mean, yref: "paper", y0: 0, y1: 0.94, line: { color: ink("ink"), width: 1.5, dash: "dot" },
      }],
      annotations: mean === null ? [] : [{
        x: mean, yref: "paper", y: 1.02, text: `mean ${signed(mean)} R`, showarrow: false, font: { size: 11, color: ink("ink") },
      }],
    });
  }

  function drawExits() {
    const rows = [...data.exits].reverse();
    const nets = rows.map((row) => row.net_usd);
    const low = Math.min(0, ...nets), high = Math.max(0, ...nets), room = 0.8 * (high - low || 1);
    draw("exits", [{
      type: "bar", orientation: "h", y: rows.map((row) => words(row.reason)), x: nets,
      marker: { color: nets.map((net) => ink(net >= 0 ? "good" : "bad")) }, textposition: "none",
      text: rows.map((row) => `${row.trades} trades, ${signed(row.r_mean)} R on average`),
      hovertemplate: "%{text}<br>%{x:+,.2f} USDT<extra></extra>",
    }], {
      hovermode: "closest", bargap: 0.35,
      xaxis: axis({ tickformat: "~s", zeroline: true, nticks: 5, range: [Math.min(low * 1.05, -room), Math.max(high * 1.05, room)] }),
      yaxis: axis({ showgrid: false, tickfont: { color: ink("ink"), size: 12 }, ticksuffix: "  " }),
      annotations: rows.map((row) => ({
        x: 0, y: words(row.reason), text: `${signed(row.net_usd, 0)} (${row.trades})`, showarrow: false,
        xanchor: row.net_usd >= 0 ? "right" : "left", xshift: row.net_usd >= 0 ? -5 : 5, font: { size: 11, color: ink("quiet") },
      })),
    });
  }

  function drawCosts() {
    const { t, fees, funding } = data.costs;
    const x = t.map(iso);
    const line = (name, y, color, dash) => ({
      x, y, type: "scatter", mode: "lines", name, line: { color: ink(color), width: 1.8, shape: "hv", dash },
      hovertemplate: `%{y:+,.2f} USDT<extra>${name}</extra>`,
    });
    draw("costs", [
      line("fees", fees.map((one) => -one), "bad", "solid"), line("funding", funding, "accent", "dash"),
    ], { showlegend: true, shapes: seams(), xaxis: timeAxis({}), yaxis: axis({ tickformat: ",.0f" }) });
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
    drawEquity();
    drawMarket();
    drawCosts();
    if (!data.trades.length) return;
    drawTrade();
    drawResults();
    drawExits();
  }

  let chosen = 0;
  let inSight = null;
  wear(store.read() ?? "auto");
  byId("symbol").replaceChildren(...Object.keys(data.markets).map((symbol) => new Option(symbol, symbol)));
  if (data.trades.length) fillTable();
  drawAll();

  for (const button of document.querySelectorAll("[data-theme-choice]"))
    button.addEventListener("click", () => {
      store.write(button.dataset.themeChoice);
      wear(button.dataset.themeChoice);
      drawAll();
    });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  let wasNarrow = isNarrow();
  addEventListener("resize", () => {
    if (wasNarrow === isNarrow()) return;
    wasNarrow = isNarrow();
    drawAll();
  });
  byId("symbol").addEventListener("change", () => {
    inSight = null;
    drawMarket();
  });
  byId("market").on("plotly_relayout", lookAt);
  byId("market").on("plotly_click", ({ points }) => {
    const index = data.trades.findIndex((trade) => trade.n === points[0].customdata);
    if (index >= 0) choose(index, true);
  });
  if (data.trades.length) {
    byId("trade-rows").addEventListener("click", ({ target }) => choose(+target.closest("tr").dataset.index, false));
    byId("previous").addEventListener("click", () => choose(chosen - 1, true));
    byId("next").addEventListener("click", () => choose(chosen + 1, true));
  }
})();
