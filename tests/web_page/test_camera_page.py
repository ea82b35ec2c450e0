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
          navigator.mediaDevices.getUserMedia = () => new Promise((resolve) => {
            window.allow = () => {
              const stream = document.createElement("canvas").captureStream();
              window.given.push(stream);
              resolve(stream);
            };
          });
        }"""
    )
    button = page.get_by_role("button", name="Start the camera")
    button.click()
    expect(page.locator("#status")).to_have_text("Asking for the camera …")
    button.click()
    page.evaluate("allow()")
    expect(page.locator("#status")).to_have_text("Ready.")
    assert page.evaluate("given.map((stream) => stream.active)") == [False]
    expect(button).to_be_visible()
    page.evaluate("delete navigator.mediaDevices.getUserMedia")
