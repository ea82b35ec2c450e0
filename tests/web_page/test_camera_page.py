"""The camera of the page, which shows a green disc and a clock."""


def test_a_camera_that_is_refused(page):
    """As the browser refuses it where nobody allows it."""
    page.get_by_role("button", name="Start the camera").click()
    assert page.alert().startswith("The camera was refused: allow it for this page in the browser")
    page.show_sample()


def test_no_camera(page):
    page.evaluate(
        """() => {
          navigator.mediaDevices.getUserMedia = async () => {
            throw new DOMException("Requested device not found", "NotFoundError");
          };
        }"""
    )
    page.get_by_role("button", name="Start the camera").click()
    assert page.alert() == "No camera is connected: connect one, or choose two pictures."
    page.evaluate("delete navigator.mediaDevices.getUserMedia")


def test_the_camera(address, visit, expect):
    """Its frames have a flow from the first one, and it goes off."""
    with visit(address, permissions=["camera"]) as page:
        page.get_by_label("Longer side").select_option("256")
        page.get_by_role("button", name="Start the camera").click()
        expect(page.locator("#status")).to_contain_text("The camera is on")
        expect(page.locator("#summary")).to_contain_text("256 x 256 pixels, reduced from 480 x 480")
        page.get_by_role("button", name="Take a new reference frame").click()
        page.get_by_role("button", name="Stop the camera").click()
        expect(page.locator("#status")).to_have_text("Ready.")
        expect(page.get_by_role("button", name="Start the camera")).to_be_visible()
        expect(page.get_by_role("alert")).to_be_hidden()
        page.show_sample()


def test_a_second_click_while_the_browser_asks_means_no_camera(page, expect):
    """Whoever allows it later has no camera that stays on."""
    page.evaluate(
        """() => {
          window.given = [];
          window.asked = [];
          navigator.mediaDevices.getUserMedia = () => new Promise((resolve) => {
            const canvas = document.createElement("canvas");
            const stream = canvas.captureStream();
            const paint = setInterval(() => canvas.getContext("2d").fillRect(0, 0, 9, 9), 50);
            stream.getTracks()[0].addEventListener("ended", () => clearInterval(paint));
            window.given.push(stream);
            window.asked.push(() => resolve(stream));
          });
        }"""
    )
    button = page.get_by_role("button", name="Start the camera")
    button.click()
    expect(page.locator("#status")).to_have_text("Asking for the camera …")
    button.click()
    page.evaluate("asked[0]()")
    expect(page.locator("#status")).to_have_text("Ready.")
    assert page.evaluate("given.map((stream) => stream.active)") == [False]
    expect(button).to_be_visible()
    # Asked twice, with a change of mind between: the second is meant.
    for _ in range(3):
        button.click()
    page.evaluate("asked[1](); asked[2]()")
    expect(page.get_by_role("button", name="Stop the camera")).to_be_visible()
    assert page.evaluate("given.map((stream) => stream.active)") == [False, False, True]
    page.get_by_role("button", name="Stop the camera").click()
    expect(page.locator("#status")).to_have_text("Ready.")
    page.evaluate("delete navigator.mediaDevices.getUserMedia")
