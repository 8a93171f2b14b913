"""Print as JSON what Chromium sees: `browser.py CHROMIUM call PAGE URL HEADERS BODY`, or `… docs URL KIND`."""

import json
import sys

from playwright.sync_api import Page, sync_playwright

CALL = """async ([url, headers, body]) => {
  try {
    const answer = await fetch(url, { method: "POST", headers: JSON.parse(headers), body });
    return { status: answer.status, id: answer.headers.get("x-request-id"), text: await answer.text() };
  } catch (error) { return { blocked: String(error) }; }
}"""


def call(page: Page, origin: str, *words: str) -> object:
    page.goto(origin)
    return page.evaluate(CALL, list(words))


def docs(page: Page, url: str, kind: str) -> object:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{url}/docs")
    page.wait_for_selector("#access:not([hidden]), #try:not([hidden])")
    asks, refusal = page.is_visible("#access"), ""
    if asks:
        if kind == "basic":
            page.fill("#name", "ada")
        for key in ("wrong", "secret"):
            page.fill("#key", key)
            page.click("#key-form button")
            if key == "wrong":
                page.wait_for_selector("#failure", state="visible")
                refusal = page.inner_text("#failure")
        page.wait_for_selector("#try", state="visible")
    predictions = []
    for way in ("predict", "v2"):
        page.check(f"input[value={way}]")
        with page.expect_response(lambda answer: answer.request.method == "POST"):
            page.click("#send")
        page.wait_for_selector("#send:not([disabled])")
        predictions.append(page.inner_text("#prediction"))
    return {"asks": asks, "refusal": refusal, "predictions": predictions, "errors": errors}


chromium, what, *words = sys.argv[1:]
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
    # As if its user had told the browser's own dialog the password: a page that asks by itself does without.
    context = browser.new_context(http_credentials={"username": "ada", "password": "secret"})
    print(json.dumps({"call": call, "docs": docs}[what](context.new_page(), *words)))
    browser.close()
