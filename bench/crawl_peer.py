"""The same site by Scrapy: crawl_peer.py START OUT.jsonl"""

import sys

import scrapy
from scrapy.crawler import CrawlerProcess


def value(found: scrapy.selector.SelectorList) -> str:
    return " ".join((found.get() or "").split())


class Cards(scrapy.Spider):
    name = "cards"
    start_urls = (sys.argv[1],)

    def parse(self, response: scrapy.http.Response):
        for card in response.css("article.card"):
            yield {
                "reference": value(card.css("a.link::attr(href)").re(r"/(\d+)$") and card.css("::attr(data-id)")),
                "titre": value(card.css("a.link h2::text")),
                "lien": response.urljoin(card.css("a.link::attr(href)").get()),
                "prix": value(card.css("p.price::text")),
                "caracteristiques": card.css("ul li::text").getall(),
                "texte": value(card.css("p.text::text")),
            }
        if following := response.css("a.next::attr(href)").get():
            yield response.follow(following)


process = CrawlerProcess(
    {
        "FEEDS": {sys.argv[2]: {"format": "jsonlines", "overwrite": True}},
        "FEED_EXPORT_ENCODING": "utf-8",
        "LOG_LEVEL": "ERROR",
        "TELNETCONSOLE_ENABLED": False,
        "ROBOTSTXT_OBEY": True,
        "DOWNLOAD_DELAY": 0,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 16,
    }
)
process.crawl(Cards)
process.start()
