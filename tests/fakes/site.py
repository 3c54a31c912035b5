"""A site of real-estate listings on 127.0.0.1: result pages with cards, a page a listing, and every trap of such sites.

    with Site(listings(40, seed=1)) as site:
        site.fault("/annonce/", once(503))
        … crawl site.start …
        assert site.requests["/annonces?page=2"] == 1

The pages have what real ones have: a pager whose first link leads back, a block of similar listings, cards without
a photo, menus and scripts that hold numbers, thousands separators, rentals, prestige layouts.
"""

from __future__ import annotations

import html
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

THIN, HARD = "\u202f", "\u00a0"  # between thousands, before the euro sign
TOWNS = [("Lyon", "69004"), ("Sainte-Marie à Py", "51600"), ("MONTPELLIER", "34000"), ("L'Haÿ-les-Roses", "94240")]
PER_PAGE = 10


@dataclass
class Listing:
    reference: str
    kind: str
    town: str
    postcode: str
    price: int
    rental: bool = False
    rooms: int | None = None
    bedrooms: int | None = None
    surface: int | None = None
    land: int | None = None
    year: int | None = None
    floor: str | None = None
    photos: int = 3
    media: str = ""
    energy: tuple[str, str] | None = None
    lots: int | None = None
    charges: int | None = None
    rating: str = ""
    prestige: bool = False
    badge: str = ""
    description: str = ""

    @property
    def path(self) -> str:
        slug = self.town.lower().replace(" ", "-").replace("'", "-").replace("à", "a").replace("ÿ", "y")
        rooms = f"-{self.rooms}-pieces" if self.rooms else ""
        what = "location" if self.rental else "vente"
        return f"/annonce/{self.kind.lower()}-{what}{rooms}-{slug}-{self.surface or self.land}m2/r{self.reference}"

    @property
    def title(self) -> str:
        return f"{self.kind} à {self.town} ({self.postcode})"

    @property
    def price_text(self) -> str:
        return f"{self.price:,}".replace(",", THIN) + f"{HARD}€"

    @property
    def short(self) -> list[str]:
        out = [f"{self.bedrooms} chambre{'s' if self.bedrooms > 1 else ''}"] if self.bedrooms else []
        out += [f"{self.rooms} pièce{'s' if self.rooms > 1 else ''}"] if self.rooms else []
        out += [f"{thousands(self.surface)} m²"] if self.surface else []
        return out + ([f"{thousands(self.land)} m² de terrain"] if self.land else [])

    @property
    def features(self) -> list[str]:
        out = ["Ascenseur"] if self.floor else []
        out += [f"Construit en {self.year}"] if self.year else []
        return out + ([self.floor] if self.floor else [])

    def image(self, base: str, n: int, width: int) -> str:
        name = f"{int(self.reference) * 100 + n:032x}"
        return f"{base}/property/broadcast/2026/11/20/{name}.jpg?format=auto&width={width}"


def thousands(n: int) -> str:
    return f"{n:,}".replace(",", THIN)


def listings(n: int, seed: int) -> list[Listing]:
    draw = random.Random(seed)
    out = []
    for i in range(n):
        town, postcode = draw.choice(TOWNS)
        kind = draw.choice(["Appartement", "Maison", "Terrain"])
        land = draw.randint(300, 4000) if kind != "Appartement" else None
        rooms = draw.randint(1, 7) if kind != "Terrain" else None
        rental = kind == "Appartement" and draw.random() < 0.3
        out.append(
            Listing(
                reference=str(1_800_000 + i),
                kind=kind,
                town=town,
                postcode=postcode,
                price=draw.randint(600, 2500) if rental else draw.randint(60, 1900) * 1000,
                rental=rental,
                rooms=rooms,
                bedrooms=draw.randint(1, rooms) if rooms else None,
                surface=draw.randint(18, 1300) if rooms else None,
                land=land,
                year=draw.choice([None, 1890, 2012]) if rooms else None,
                floor=draw.choice(["Étage 3 sur 8", "Rez-de-chaussée"]) if kind == "Appartement" else None,
                photos=draw.randint(0, 4),
                media=draw.choice(["", " • vidéo", " • vidéo • visite virtuelle"]),
                energy=draw.choice([None, ("C", "A"), ("F", "E")]) if rooms else None,
                lots=draw.randint(2, 200) if kind == "Appartement" else None,
                charges=draw.randint(200, 3000) if kind == "Appartement" and not rental else None,
                rating=draw.choice(["", "4,9/5 (31 avis)"]),
                prestige=draw.random() < 0.2,
                badge=draw.choice(["", "Nouveau", "Exclusivité"]),
                description=f"Beau bien numéro {i} & <calme>.\n\nVue dégagée, 2 terrasses. classe ENERGIE D indice {i}",
            )
        )
    return out


# --- pages ---------------------------------------------------------------------------------------------------


def e(text: str) -> str:
    return html.escape(text)


def card(x: Listing, base: str) -> str:
    photo = f'<img src="{e(x.image(base, 1, 300))}">' if x.photos else "<p>Les photos arrivent bientôt !</p>"
    badge = f'<span class="inline">{e(x.badge)}</span>' if x.badge else ""
    rent = " <small>charges comprises</small>" if x.rental else ""
    items = "".join(f"<li>• {e(t)}</li>" for t in x.short)
    return (
        f'<article class="overflow-clip group">{badge}<div>{photo}<p class="text-lg">{x.price_text}{rent}</p></div>'
        f'<a href="{x.path}"><h2>{e(x.title)}</h2></a><div class="flex justify-between"><ul>{items}</ul></div>'
        "<figure><figcaption>Une conseillère</figcaption></figure></article>"
    )


def pager(page: int, last: int) -> str:
    links = [f'<a class="router-link-active" href="?page={page}">{page}</a>']
    if page > 1:
        links.append(f'<a class="iad-btn" href="{"/annonces" if page == 2 else f"?page={page - 1}"}">Précédent</a>')
    if page < last:
        links.append(f'<a class="iad-btn" href="?page={page + 1}">Suivant</a>')
    return "<nav>" + "".join(links) + "</nav>"


def list_page(found: list[Listing], page: int, base: str) -> str:
    last = max(1, -(-len(found) // PER_PAGE))
    cards = "".join(card(x, base) for x in found[(page - 1) * PER_PAGE : page * PER_PAGE])
    return f"<!doctype html><html><body><main>{cards}</main>{pager(page, last)}</body></html>"


def energy(x: Listing) -> str:
    if not x.energy:
        return "<section>Non requis</section>"
    boxes = ""
    for letter in x.energy:
        rows = "".join(
            f'<li class="{"border-white" if c == letter else ""}">{f"<span>{c}</span>" if c == letter else ""}</li>'
            for c in "ABCDEFG"
        )
        boxes += f"<div><ul>{rows}</ul></div>"
    return f'<div class="group-[.is-prestige]:flex-col">{boxes}</div>'


def detail_page(x: Listing, others: list[Listing], base: str) -> str:
    grid = "".join(f"<li>{e(t)}</li>" for t in x.features)
    gallery = "".join(f'<li><img src="{e(x.image(base, n, 390))}"></li>' for n in range(1, x.photos + 1))
    button = f'<button class="iad-btn"><span class="font-semibold">{x.photos} photos{x.media}</span></button>'
    dl = f"<dt>Nombre de lots</dt><dd>{x.lots}</dd>" if x.lots else ""
    dl += f"<dt>Charges prévisionnelles</dt><dd>{thousands(x.charges)} € / an</dd>" if x.charges else ""
    dl += "<dt>Procédure en cours</dt><dd>aucune</dd>" if x.lots else ""
    per_m2 = f"{thousands(x.price // x.surface)} € / m²" if x.surface and not x.rental else ""
    heading = "h2" if x.prestige else "h1"
    css = "group-[.is-prestige]:tracking-wider" if x.prestige else "title"
    similar = "".join(card(o, base) for o in others)
    return f"""<!doctype html><html><head><title>{e(x.title)} - {x.reference} - réseau</title>
<script type="importmap">{{"imports": {{"a": "12 pièces 999 m²"}}}}</script><style>.p{{width:99m²}}</style></head>
<body><header><form><ul class="pb-xl"><li>99 pièces</li></ul></form></header>
{button if x.photos else ""}{button if x.photos else ""}
<strong class="text-3xl">{x.price_text}</strong>{" charges comprises" if x.rental else ""}
<{heading} class="{css}">{e(x.title)}</{heading}>
<ul class="pb-xl">{"".join(f"<li>{e(t)}</li>" for t in x.short)}</ul>
<h3>Description</h3><div class="whitespace-pre-line">{e(x.description)}</div><p class="pt-m">Réf : {x.reference}</p>
<ul class="group-[.is-prestige]:grid">{grid}</ul>
<dl class="flex gap-m">{dl}</dl>
<dl class="group-[.is-prestige]:text-sm"><dt>soit Prix au m²</dt><dd>{per_m2}</dd></dl>
{energy(x)}
<ul class="flex-col">{gallery}</ul>
<div><a class="flex-col" href="/conseiller-immobilier/a.b"><img class="size-full" src="/profile-picture/aa/bb/c.jpeg">
<p class="text-xl">Ada Bernard</p></a><p>{x.rating}</p></div>
<section class="similar-listings"><h3>Biens similaires</h3>{similar}<ul class="pb-xl"><li>42 pièces</li></ul></section>
<footer>31 avis, 9{THIN}999{HARD}€</footer><script>window.state = {{"pieces": 77}}</script></body></html>"""


def record(x: Listing, base: str) -> dict[str, Any]:
    """What a file of the complete layout says of the same listing."""
    return {
        "reference": x.reference,
        "titre": x.title,
        "titre_complet": x.title,
        "localisation_complete": x.title if x.prestige else "",
        "prix": x.price_text + (" charges comprises" if x.rental else ""),
        "prix_detaille": x.price_text,
        "prix_au_m2": f"{thousands(x.price // x.surface)} € / m²" if x.surface and not x.rental else "",
        "localisation": f"{x.town} ({x.postcode})",
        "code_postal": x.postcode,
        "lien": base + x.path,
        "chambres": x.short[0] if x.bedrooms else "",
        "pieces": str(x.rooms or ""),
        "description": x.description,
        "caracteristiques_detaillees": [*x.short, *x.features],
        "annee_construction": str(x.year or ""),
        "image_url": x.image(base, 1, 300) if x.photos else "",
        "images": [x.image(base, n, 390) for n in range(1, x.photos + 1)] or "",
        "media_info": f"{x.photos} photos{x.media}" if x.photos else "",
        "dpe_classe_active": x.energy[0] if x.energy else "",
        "ges_classe_active": x.energy[1] if x.energy else "",
        "copropriete_nb_lots": str(x.lots or ""),
        "copropriete_charges_previsionnelles": f"{thousands(x.charges)} € / an" if x.charges else "",
        "copropriete_procedures": "aucune" if x.lots else "",
        "conseiller_nom_complet": "Ada Bernard",
        "conseiller_nombre_avis": x.rating,
    }


# --- the server ----------------------------------------------------------------------------------------------

Fault = Callable[[BaseHTTPRequestHandler], bool]  # answers (True), or leaves the page as it is


def status(code: int, headers: dict[str, str] | None = None, times: int = 1_000_000) -> Fault:
    left = [times]

    def answer(h: BaseHTTPRequestHandler) -> bool:
        if left[0] <= 0:
            return False
        left[0] -= 1
        h.send_response(code)
        for name, value in ({"Content-Length": "0"} | (headers or {})).items():
            h.send_header(name, value)
        h.end_headers()
        return True

    return answer


def raw(data: bytes, times: int = 1_000_000) -> Fault:
    """These bytes, whatever they are, and the end of the connection."""
    left = [times]

    def answer(h: BaseHTTPRequestHandler) -> bool:
        if left[0] <= 0:
            return False
        left[0] -= 1
        h.wfile.write(data)
        h.close_connection = True
        return True

    return answer


def slow(seconds: float) -> Fault:
    def answer(_: BaseHTTPRequestHandler) -> bool:
        time.sleep(seconds)
        return False

    return answer


def endless(h: BaseHTTPRequestHandler) -> bool:
    h.send_response(200)
    h.send_header("Content-Type", "text/html")
    h.end_headers()
    try:
        while True:
            h.wfile.write(b"<p>more</p>" * 1000)
    except OSError:
        h.close_connection = True
    return True


@dataclass
class Site:
    found: list[Listing]
    robots: str = ""
    charset: str = "utf-8"
    said_charset: str | None = None  # another one than is used
    faults: list[tuple[str, Fault]] = field(default_factory=list)
    requests: Counter[str] = field(default_factory=Counter)
    times: list[float] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)

    def fault(self, prefix: str, fault: Fault) -> None:
        self.faults.append((prefix, fault))

    def page(self, target: str) -> str | None:
        url = urlsplit(target)
        if url.path == "/annonces":
            return list_page(self.found, int(parse_qs(url.query).get("page", ["1"])[0]), self.base)
        for i, x in enumerate(self.found):
            if url.path == x.path:
                return detail_page(x, [o for o in self.found if o is not x][i % 3 : i % 3 + 2], self.base)
        return None

    def answer(self, h: BaseHTTPRequestHandler) -> None:
        self.requests[h.path] += 1
        self.agents.add(h.headers.get("User-Agent", ""))
        if h.path != "/robots.txt":
            self.times.append(time.monotonic())
        for prefix, fault in self.faults:
            if h.path.startswith(prefix) and fault(h):
                return
        text = self.robots if h.path == "/robots.txt" and self.robots else self.page(h.path)
        body = (text or "").encode(self.charset, "xmlcharrefreplace")
        h.send_response(200 if text is not None else 404)
        kind = "text/plain" if h.path == "/robots.txt" else f"text/html; charset={self.said_charset or self.charset}"
        h.send_header("Content-Type", kind)
        h.send_header("Content-Length", str(len(body)))
        h.end_headers()
        h.wfile.write(body)

    def __enter__(self) -> Site:
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                site.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self._server.server_port}"
        self.start = f"{self.base}/annonces"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def main() -> None:
    """Serves a few listings until it is ended; the first line says where they begin."""
    with Site(listings(25, seed=1)) as site:
        print(site.start, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
