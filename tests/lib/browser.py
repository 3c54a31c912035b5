"""A headless Chromium in front of Airflow's web UI, as a person uses it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1400,1000",
         "--no-proxy-server", "--lang=en-US")  # fmt: skip


class Browser:
    def __init__(self, driver: webdriver.Chrome, base: str) -> None:
        self.driver = driver
        self.base = base

    def open(self, path: str) -> None:
        self.driver.get(self.base + path)

    def log_in(self, user: str, password: str) -> None:
        self.open("/")
        self.find("//input[@name='username']").send_keys(user)
        self.find("//input[@name='password']").send_keys(password)
        self.find("//button[@type='submit']").click()
        self.until("logged in", lambda: "/login" not in self.driver.current_url)

    def find(self, xpath: str, seconds: float = 240) -> WebElement:
        """The last of those that match and can be seen."""

        def seen(_: object) -> WebElement | None:
            found = [e for e in self.driver.find_elements(By.XPATH, xpath) if e.is_displayed() and e.is_enabled()]
            return found[-1] if found else None

        return WebDriverWait(self.driver, seconds).until(seen, f"no {xpath} on {self.driver.current_url}")

    def until(self, what: str, condition: object, seconds: float = 240) -> None:
        assert callable(condition)
        WebDriverWait(self.driver, seconds).until(lambda _: condition(), what)

    def text(self) -> str:
        return self.driver.find_element(By.TAG_NAME, "body").text

    def picture(self, file: str) -> None:
        assert self.driver.save_screenshot(file)


def click_trigger(page: Browser, dag: str) -> None:
    """Begins a run as a person does."""
    page.open(f"/dags/{dag}")
    page.find("//button[contains(normalize-space(.), 'Trigger')]").click()
    page.find("//div[@role='dialog']//button[normalize-space(.)='Trigger']").click()


@contextmanager
def browser(base: str) -> Iterator[Browser]:
    """It and its profile are gone afterwards."""
    profile = tempfile.mkdtemp(prefix="sluice-browser-")
    options = Options()
    options.binary_location = "/usr/bin/chromium"
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    try:
        yield Browser(driver, base)
    finally:
        driver.quit()
        shutil.rmtree(profile, ignore_errors=True)
