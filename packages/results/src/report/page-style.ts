const LIGHT = '--page:#fff;--ink:#1b2733;--quiet:#52616f;--grid:#dde3e8;--bad:#b3261e;--good:#0b6b3a;--link:#0b5ca8';
const DARK = '--page:#10161c;--ink:#e6edf3;--quiet:#a3b1bd;--grid:#2c3741;--bad:#ff8a80;--good:#6fd69b;--link:#7cc0ff';

/** Style sheet of a report: light, dark, small and on paper. Paper is light whatever the screen is. */
export const STYLE = `
:root{${LIGHT};color-scheme:light dark}
@media screen and (prefers-color-scheme:dark){:root{${DARK}}}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{margin:0 auto;padding:1.5rem;max-width:62rem;overflow-wrap:break-word}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 .5rem}
h2{font-size:1.2rem;margin:2.2rem 0 .6rem;border-bottom:1px solid var(--grid)}
a{color:var(--link)}nav{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;margin:1rem 0}
.headline{font-size:1.2rem}.bad{color:var(--bad);font-weight:bold}.good{color:var(--good)}
figure{margin:1.2rem 0 2rem;break-inside:avoid}figcaption{color:var(--quiet);font-size:.93rem}
.scroll{overflow-x:auto}.scroll:focus-visible,a:focus-visible,summary:focus-visible{outline:2px solid var(--link)}
figure svg{display:block;width:100%;min-width:40rem;height:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.2rem .8rem;border-bottom:1px solid var(--grid);text-align:right;white-space:nowrap}
thead th{white-space:normal;vertical-align:bottom;overflow-wrap:anywhere;min-width:4rem}
th[scope=row],thead th:first-child{text-align:left;font-weight:normal;padding-left:0}
.words td,.words th{text-align:left;white-space:normal;vertical-align:top}
dl{display:grid;grid-template-columns:minmax(7rem,max-content) 1fr;gap:.3rem 1rem}
dt{color:var(--quiet)}dd{margin:0;min-width:0}dt,dd{overflow-wrap:anywhere}
pre{overflow-x:auto;font:13px/1.45 ui-monospace,monospace;padding:.8rem;border:1px solid var(--grid);border-radius:6px}
pre.command{white-space:pre-wrap;overflow-wrap:anywhere}
summary{cursor:pointer}
@media (max-width:40rem){main{padding:1rem}dl{grid-template-columns:1fr;gap:0}dd{margin:0 0 .5rem}}
@media print{
main{max-width:none;padding:0;font-size:10pt}nav{display:none}figure svg{min-width:0}.scroll{overflow:visible}
table{font-size:8.5pt}pre{white-space:pre-wrap;font-size:7.5pt}tr,pre.command{break-inside:avoid}h2{break-after:avoid}
details::details-content{content-visibility:visible;display:block;block-size:auto}
}
`;
