"""The one style sheet, and the policy under which a browser takes nothing but it: no script, no picture, no other host."""

from base64 import b64encode
from hashlib import sha256

from spikewatch.core import svg

STYLE = (
    """\
:root{color-scheme:light dark;--back:#f6f7f9;--card:#fff;--ink:#1c2430;--soft:#505b6b;--line:#d5d9e0;--link:#0b5cad;
--good:#17653b;--goodback:#e3f4e9;--warn:#7a4b00;--warnback:#fdf1d8;--bad:#a31919;--badback:#fde6e4}
@media (prefers-color-scheme:dark){:root{--back:#12161d;--card:#1b212b;--ink:#e8ecf3;--soft:#aeb7c5;--line:#3a4353;
--link:#8ec1ff;--good:#8fe0b0;--goodback:#17301f;--warn:#f3cd85;--warnback:#372a10;--bad:#ffb0a6;--badback:#3d1a18}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:72rem;background:var(--back);color:var(--ink);line-height:1.5;
font-family:system-ui,-apple-system,"Segoe UI","Hiragino Sans","Noto Sans CJK JP","Noto Sans JP",Meiryo,sans-serif}
a{color:var(--link)}
a:focus-visible,.wide:focus-visible{outline:3px solid var(--link);outline-offset:2px}
header{display:flex;flex-wrap:wrap;justify-content:space-between;align-items:baseline;gap:0 1.5rem}
h1{font-size:1.3rem;margin:0}
h2{font-size:1.1rem;margin:2rem 0 .6rem}
h3{font-size:1.05rem;margin:0;overflow-wrap:anywhere}
p{margin:.3rem 0}
nav ul,.links{display:flex;flex-wrap:wrap;gap:.2rem 1rem;margin:0;padding:0;list-style:none}
[aria-current]{font-weight:700;color:inherit;text-decoration:none}
.soft{color:var(--soft);font-size:.9rem}
.tell{margin:1rem 0 .6rem;padding:.7rem 1rem;border-radius:.5rem;font-weight:600;font-size:1.05rem;
border-left:.4rem solid currentColor}
.tell p{margin:0;font-weight:400;font-size:.95rem}
.good{background:var(--goodback);color:var(--good)}
.warn{background:var(--warnback);color:var(--warn)}
.bad{background:var(--badback);color:var(--bad)}
.incident,.panel{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:1rem;margin:0 0 1rem}
.panel h2{margin-top:0}
.top{display:flex;flex-wrap:wrap;gap:.4rem .8rem;align-items:baseline}
.badge{padding:.05rem .6rem;border-radius:1rem;font-size:.85rem;font-weight:600;white-space:nowrap}
.long{white-space:normal;border-radius:.4rem;display:inline-block}
.plain{border:1px solid var(--line);color:var(--soft)}
.lead{font-size:1.05rem;font-weight:600}
.halves{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));gap:1rem 1.5rem;margin:.6rem 0}
.panels{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,28rem),1fr));gap:0 1rem}
figure{margin:0}
figcaption{font-size:.9rem;color:var(--soft)}
dl{margin:0}
dl div{display:flex;flex-wrap:wrap;gap:0 .8rem;padding:.15rem 0;border-bottom:1px solid var(--line)}
dl div:last-child{border:0}
dt{color:var(--soft);flex:0 0 clamp(6.5rem,26%,9rem)}
dd{margin:0;overflow-wrap:anywhere;flex:1 1 8rem}
.wide{overflow-x:auto;position:relative}
table{border-collapse:collapse;width:100%;font-size:.92rem}
caption{text-align:left;color:var(--soft);font-size:.9rem;padding:.2rem 0}
.panel caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
th,td{text-align:left;padding:.25rem .8rem .25rem 0;border-bottom:1px solid var(--line);vertical-align:top}
thead th{color:var(--soft);font-weight:600;white-space:nowrap}
tbody th{font-weight:500;overflow-wrap:anywhere;min-width:7rem}
code{font-size:.85rem;overflow-wrap:anywhere}
footer{margin:2rem 0 1rem;font-size:.9rem;color:var(--soft)}
"""
    + svg.STYLE
)

POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page's Content-Security-Policy."""
