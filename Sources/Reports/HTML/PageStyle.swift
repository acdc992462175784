// SPDX-License-Identifier: Apache-2.0

/// The style sheet of a page.
///
/// Colors of data come from ramps that are even in lightness and differ for the color-blind too: `q`
/// is sequential, `d` diverging. In the dark both start at the background.
enum PageStyle {
  /// The SHA-256 of ``sheet`` in base64, by which the page allows it. A test computes it again.
  static var digest: StaticString { "LkkwDnJ7Amp8QKsiT8o9ywYVWzjAzH521JFSJD0NGek=" }

  static var sheet: StaticString {
    """
    :root {
      --page: #f7f7f5; --card: #ffffff; --ink: #1c2026; --soft: #5a626d; --line: #e1e3e6; --fill: #f0f1f2;
      --accent: #2f62b8; --bar: #4a7fc9; --error: #b3261e; --errorfill: #fbe9e7; --warning: #8a5300;
      --warningfill: #fdf0d8; --note: #2f5d8f; --notefill: #e8f0f9; --fine: #1f6b4a; --finefill: #e3f3ea; --far: #07090c; --near: #fff;
      --q0:#e9f6fb;--q1:#d2ecf6;--q2:#bae1f2;--q3:#a1d7ed;--q4:#88cbe7;--q5:#72bbdf;--q6:#5daad8;
    --q7:#4a98d0;--q8:#3e87c7;--q9:#3977bb;--q10:#3666ae;--q11:#3356a1;--q12:#314791;
    --q13:#2e3a7e;--q14:#292d6d;--q15:#24215b;--d0:#234993;--d1:#3263ab;--d2:#457ec3;
    --d3:#5c97d6;--d4:#7caee0;--d5:#9cc5e9;--d6:#bad6ee;--d7:#d5e4f1;--d8:#f3f1f0;--d9:#f3e1d0;
    --d10:#f1d0af;--d11:#edbd8e;--d12:#e7a46c;--d13:#e0894b;--d14:#cc6f36;--d15:#b25628;
    --d16:#983e1b;
    }
    @media screen and (prefers-color-scheme: dark) {
      :root {
        --page: #121418; --card: #1a1d23; --ink: #e7e9ec; --soft: #a0a8b3; --line: #2e333b; --fill: #23272e;
        --accent: #8db8ff; --bar: #5b93dd; --error: #ffb4a9; --errorfill: #43201d; --warning: #f5c26b;
        --warningfill: #3d2c10; --note: #a9cbf5; --notefill: #1d2f45; --fine: #8fd6b2; --finefill: #173426; --far: #fff; --near: #07090c;
        --q0:#212432;--q1:#272c45;--q2:#2e3458;--q3:#343b6d;--q4:#394481;--q5:#3b4e90;--q6:#3a5a9f;
    --q7:#3865ae;--q8:#3675bc;--q9:#3688c8;--q10:#3a9ad4;--q11:#40addf;--q12:#5dc1e6;
    --q13:#7fd4ed;--q14:#a0e7f5;--q15:#c2f8fe;--d0:#81cffc;--d1:#69b8ee;--d2:#53a0e1;
    --d3:#4688cc;--d4:#4270aa;--d5:#3b5a89;--d6:#354869;--d7:#2f394b;--d8:#2c2927;--d9:#453529;
    --d10:#5e402b;--d11:#7b4d2c;--d12:#9b5e30;--d13:#bc6e34;--d14:#d58741;--d15:#e9a557;
    --d16:#fcc270;
      }
    }
    * { box-sizing: border-box; }
    html { color-scheme: light dark; -webkit-text-size-adjust: 100%; }
    body {
      margin: 0 auto; padding: 40px 24px 64px; max-width: 1032px; background: var(--page); color: var(--ink);
      font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
      overflow-wrap: anywhere;
    }
    h1 { font-size: 30px; line-height: 1.2; font-weight: 650; letter-spacing: -0.015em; margin: 0 0 6px; }
    h2 { font-size: 19px; line-height: 1.3; font-weight: 650; letter-spacing: -0.005em; margin: 0 0 4px; }
    p { margin: 0 0 12px; }
    a { color: var(--accent); text-underline-offset: 3px; }
    code, .path { font-family: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, "DejaVu Sans Mono", monospace; }
    code { font-size: 0.865em; }
    .top { display: flex; gap: 24px; justify-content: space-between; align-items: flex-start; flex-wrap: wrap; }
    .kind { color: var(--accent); font-size: 13px; font-weight: 600; letter-spacing: 0.02em; margin: 0 0 4px; }
    .path { color: var(--soft); font-size: 12.5px; margin: 0; }
    .summary { margin: 10px 0 0; max-width: 70ch; }
    .verdict { margin: 6px 0 0; font-size: 15px; }
    .verdict .badge { padding: 6px 14px 6px 8px; font-size: 14px; }
    dl { margin: 0; }
    dd { margin: 0; }
    .facts, .figures {
      display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 14px 24px;
    }
    .facts { margin: 26px 0 0; padding: 20px 0; border: solid var(--line); border-width: 1px 0; }
    dt { color: var(--soft); font-size: 12.5px; }
    .facts dd { font-weight: 550; }
    small { display: block; color: var(--soft); font-size: 12.5px; font-weight: 400; }
    .figures { grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); margin: 14px 0 18px; }
    .figures dd { font-size: 23px; font-weight: 600; letter-spacing: -0.01em; line-height: 1.35; }
    .figures small { letter-spacing: 0; line-height: 1.4; }
    nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: 6px 18px; padding: 0; margin: 16px 0 0; font-size: 14px; }
    section {
      background: var(--card); border: 1px solid var(--line); border-radius: 10px; margin: 20px 0 0;
      padding: 22px 28px 24px;
    }
    .lead { color: var(--soft); max-width: 70ch; margin-bottom: 14px; }
    .badge {
      display: inline-flex; align-items: center; gap: 6px; border-radius: 99px; padding: 1px 10px 1px 4px;
      font-size: 12.5px; font-weight: 600; line-height: 20px; white-space: nowrap;
    }
    .badge b {
      display: inline-block; width: 16px; height: 16px; border-radius: 50%; font-size: 10.5px; line-height: 16px;
      text-align: center; color: var(--card);
    }
    .error { color: var(--error); background: var(--errorfill); }
    .error b { background: var(--error); }
    .warning { color: var(--warning); background: var(--warningfill); }
    .warning b { background: var(--warning); }
    .note { color: var(--note); background: var(--notefill); }
    .note b { background: var(--note); }
    .quiet { color: var(--soft); }
    .path { white-space: pre-wrap; }
    .fine { color: var(--fine); background: var(--finefill); }
    .fine b { background: var(--fine); }
    .findings { list-style: none; margin: 10px 0 0; padding: 0; }
    .findings > li { display: grid; grid-template-columns: 96px 1fr; gap: 0 12px; padding: 11px 0; border-top: 1px solid var(--line); }
    .findings > li > .badge { justify-self: start; align-self: start; }
    .findings p { margin: 0; }
    .findings p code { color: var(--soft); }
    .remedies { margin: 4px 0 0; padding: 0 0 0 18px; color: var(--fine); font-size: 14px; }
    .scroll { overflow-x: auto; margin: 6px 0 12px; }
    table { border-collapse: collapse; width: 100%; font-size: 13.5px; font-variant-numeric: tabular-nums; }
    table:has(thead th:nth-child(2):last-child) { width: auto; min-width: 340px; }
    caption { text-align: left; font-weight: 600; padding: 4px 0 6px; }
    h2 + .scroll caption, .lead + .scroll caption, summary + .scroll caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
    th, td { text-align: left; vertical-align: top; padding: 5px 18px 5px 0; border-bottom: 1px solid var(--line); font-weight: 400; }
    thead th { color: var(--soft); font-size: 12.5px; white-space: nowrap; vertical-align: bottom; }
    .n { text-align: right; white-space: nowrap; }
    td:last-child, th:last-child { padding-right: 2px; }
    .n + :not(.n) { padding-left: 14px; }
    th[scope=row] { min-width: 12ch; }
    section > :last-child { margin-bottom: 0; }
    tbody tr:last-child > * { border-bottom: 0; }
    .sortable tbody tr:hover { background: var(--fill); }
    th button { all: unset; cursor: pointer; border-radius: 3px; }
    th button:hover { color: var(--ink); }
    th button:focus-visible, a:focus-visible, summary:focus-visible, .scroll:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
    th button::after { content: "\\2195"; opacity: 0.35; padding-left: 5px; }
    th[aria-sort=ascending] button::after { content: "\\2191"; opacity: 1; }
    th[aria-sort=descending] button::after { content: "\\2193"; opacity: 1; }
    details { margin: 8px 0 0; }
    summary { cursor: pointer; color: var(--accent); font-size: 14px; width: fit-content; }
    .more { color: var(--soft); font-size: 13px; margin: 0; }
    figure { margin: 18px 0 0; }
    figcaption { font-weight: 600; margin: 0 0 6px; }
    .plot { overflow-x: auto; }
    svg { display: block; max-width: 100%; height: auto; }
    .gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(250px, 1fr)); gap: 10px 32px; }
    .gallery svg { width: 100%; }
    .small { display: flex; flex-wrap: wrap; gap: 2px 16px; font-size: 12.5px; margin-top: 4px; }
    .small div { display: flex; gap: 5px; }
    text { font-size: 12px; fill: var(--ink); font-variant-numeric: tabular-nums; }
    .e { text-anchor: end; }
    .m { text-anchor: middle; }
    .u { fill: var(--soft); }
    .v { font-size: 10.5px; pointer-events: none; }
    .far { fill: var(--far); }
    .near { fill: var(--near); }
    .black { fill: #07090c; }
    .no { fill: var(--fill); }
    .bar { fill: var(--bar); }
    .grid { stroke: var(--line); fill: none; }
    .base { stroke: var(--soft); fill: none; }
    .spark { width: 110px; height: 22px; }
    .spark path { fill: none; stroke: var(--bar); stroke-width: 1.5; stroke-linejoin: round; }
    .spark circle { fill: var(--bar); }
    .q0{fill:var(--q0)} .q1{fill:var(--q1)} .q2{fill:var(--q2)} .q3{fill:var(--q3)} .q4{fill:var(--q4)} .q5{fill:var(--q5)}
    .q6{fill:var(--q6)} .q7{fill:var(--q7)} .q8{fill:var(--q8)} .q9{fill:var(--q9)} .q10{fill:var(--q10)}
    .q11{fill:var(--q11)} .q12{fill:var(--q12)} .q13{fill:var(--q13)} .q14{fill:var(--q14)} .q15{fill:var(--q15)}
    .d0{fill:var(--d0)} .d1{fill:var(--d1)} .d2{fill:var(--d2)} .d3{fill:var(--d3)} .d4{fill:var(--d4)} .d5{fill:var(--d5)}
    .d6{fill:var(--d6)} .d7{fill:var(--d7)} .d8{fill:var(--d8)} .d9{fill:var(--d9)} .d10{fill:var(--d10)}
    .d11{fill:var(--d11)} .d12{fill:var(--d12)} .d13{fill:var(--d13)} .d14{fill:var(--d14)} .d15{fill:var(--d15)} .d16{fill:var(--d16)}
    footer { color: var(--soft); font-size: 12.5px; margin: 28px 0 0; }
    @media (max-width: 640px) {
      body { padding: 24px 14px 40px; }
      section { padding: 16px 16px 18px; }
      table { min-width: 480px; }
      .plot svg { max-width: none; }
      .gallery .plot svg { max-width: 100%; }
      .findings > li { grid-template-columns: 1fr; gap: 4px; }
    }
    @media print {
      @page { margin: 14mm; }
      body { padding: 0; max-width: none; font-size: 10.5pt; background: none; }
      section { border-width: 1px 0 0; border-radius: 0; padding: 12px 0; margin: 12px 0 0; background: none; }
      nav, th button::after { display: none; }
      figure, tr, .findings > li, .figures { break-inside: avoid; }
      h2, figcaption, .lead { break-after: avoid; }
      svg, .badge, .badge b { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
      details:not([open]) { display: none; }
    }
    """
  }
}
