"""The page on which a person tries a network, in a browser: the same mask as `repro predict`, and nothing leaves."""

import base64
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from common.data.decode import decode_image
from common.data.prepare import Need, for_network, resized
from common.errors import BadInput
from common.predict.pipeline import DISCLAIMER
from common.predict.results import at_own_size
from common.report import try_page
from common.report.browser_runtime import Runtime
from common.report.folder import write_site
from common.report.site import Site, render_try_page
from common.training import model_file
from tests.predict.made import about, bright
from tests.report import trying
from tests.report.axe import serious_faults
from tests.report.trying import SIDE, assert_same_mask, mask_on, wait_until_done, write_pictures

SCRIPTS = Path(try_page.__file__).parent / "templates"


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> Path:
    """The page without a report round it."""
    folder = tmp_path_factory.mktemp("try")
    write_site(Site({try_page.PAGE: render_try_page(trying.stand_in())}, try_page.assets()), folder)
    return folder


@pytest.fixture(scope="module")
def arithmetic(chromium):
    """A tab with the functions that change sizes, and nothing else."""
    tab = chromium.new_page()
    tab.add_script_tag(path=SCRIPTS / "resize.js")
    yield tab
    tab.close()


@pytest.mark.parametrize("side", [32, 128])
@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (32, 32), (64, 64), (127, 129), (33, 300), (200, 150), (256, 256)])
def test_a_picture_is_made_smaller_or_larger_with_the_same_bits(arithmetic, shape: tuple[int, int], side: int):
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 4)).astype(np.uint8)
    call = """([text, height, width, side]) => {
      const rgba = Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
      return btoa(String.fromCharCode(...shrink(rgba, width, height, side)));
    }"""
    given = arithmetic.evaluate(call, [base64.b64encode(pixels.tobytes()).decode(), *shape, side])
    found = np.frombuffer(base64.b64decode(given), np.uint8).reshape(side, side, 3)
    assert np.array_equal(found, resized(pixels[..., :3].copy(), side))


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (32, 32), (64, 64), (41, 300), (200, 150)])
def test_a_mask_is_made_of_interpolated_probabilities(arithmetic, shape: tuple[int, int]):
    probability = np.random.default_rng(0).random((32, 32), np.float32)
    call = "([given, height, width]) => { const f = markedPixels(given, 32, width, height); return [[...f.mask], f]; }"
    mask, found = arithmetic.evaluate(call, [probability.ravel().tolist(), *shape])
    expected = at_own_size(probability, *shape)
    assert_same_mask(np.reshape(mask, shape) > 0, expected, within=1e-6)
    assert found["area"] == sum(mask)
    assert found["largest"] == pytest.approx(expected.max(), abs=1e-6)


def test_pictures_of_every_kind_get_the_mask_of_predict(alone: Path, look, tmp_path):
    tab = look(alone, "try/index.html")
    need = Need.of_recipe(about("cheng", side=SIDE).recipe)
    for path in write_pictures(tmp_path):
        tab.set_input_files("#file", path)
        assert wait_until_done(tab).startswith("Done. "), path.name
        pixels = decode_image(path).pixels
        red = (for_network(pixels, need)[..., 0] / 255).astype(np.float32)
        probability = at_own_size(red, *pixels.shape[:2])
        marked = mask_on(tab)
        assert_same_mask(marked, probability, within=1e-6)
        assert tab.inner_text("#area") == f"{np.count_nonzero(marked):,}"
        assert tab.inner_text("#share") == f"{100 * marked.mean():.2f} %"
        assert tab.inner_text("#largest") == f"{probability.max():.4f}"


def test_a_picture_can_be_dropped_and_its_mask_saved(alone: Path, look, tmp_path):
    (tmp_path / "scan 1.png").write_bytes(cv2.imencode(".png", np.uint8([[0, 255], [0, 255]]))[1].tobytes())
    content = base64.b64encode((tmp_path / "scan 1.png").read_bytes()).decode()
    tab = look(alone, "try/index.html")
    dropped = tab.evaluate_handle(
        """text => {
          const bytes = Uint8Array.from(atob(text), (each) => each.charCodeAt(0)), dropped = new DataTransfer();
          dropped.items.add(new File([bytes], "scan 1.png"));
          return dropped;
        }""",
        content,
    )
    tab.dispatch_event("#drop", "drop", {"dataTransfer": dropped})
    assert wait_until_done(tab) == "Done. The network marks 50.00 % of the picture."
    with tab.expect_download() as saving:
        tab.get_by_role("button", name="Save the mask").click()
    assert saving.value.suggested_filename == "scan 1-mask.png"
    assert np.array_equal(decode_image(saving.value.path()).pixels[..., 0], [[0, 255], [0, 255]])


def test_the_synthetic_picture_needs_only_the_keyboard(alone: Path, look):
    tab = look(alone, "try/index.html")
    tab.focus("#file")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    assert wait_until_done(tab).startswith("Done. ")
    assert tab.inner_text("#name").startswith("synthetic.png, ")


def bad_files(folder: Path) -> dict[Path, str]:
    """Files that can't be used, each with what the page says."""
    grey = np.full((40, 40), 200, np.uint8)
    whole = cv2.imencode(".png", grey)[1].tobytes()
    (folder / "letter.png").write_text("Dear colleague")
    (folder / "half.png").write_bytes(whole[:40])
    (folder / "deep.png").write_bytes(cv2.imencode(".png", grey.astype(np.uint16) * 257)[1].tobytes())
    Image.fromarray(grey).save(folder / "moving.gif")
    Image.fromarray(np.dstack([grey] * 4)).save(folder / "glass.png")
    Image.new("1", (5000, 4001)).save(folder / "huge.png")
    said = {
        "letter.png": "is no PNG, JPEG, WebP or BMP picture",
        "half.png": "can't be opened: it is damaged",
        "deep.png": "has 16 bits a pixel",
        "moving.gif": "is no PNG, JPEG, WebP or BMP picture",
        "glass.png": "has transparent pixels",
        "huge.png": "has more than 20 million pixels",
    }
    return {folder / name: f"{name} {text}" for name, text in said.items()}


def test_a_file_that_cannot_be_used_gets_a_plain_sentence(alone: Path, look, tmp_path):
    tab = look(alone, "try/index.html")
    for path, expected in bad_files(tmp_path).items():
        tab.set_input_files("#file", path)
        assert wait_until_done(tab).startswith(expected)
        assert not tab.is_visible("#result")


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_it_fits_a_phone_and_axe_finds_no_serious_fault(alone: Path, look, width: int, scheme: str):
    tab = look(alone, "try/index.html", width, color_scheme=scheme)
    tab.click("#sample")
    wait_until_done(tab)
    tab.click("summary")
    assert tab.evaluate("document.documentElement.scrollWidth") == width
    assert serious_faults(tab) == []


def test_it_says_what_it_is_and_how_good_the_network_is(alone: Path, look):
    words = look(alone, "try/index.html").inner_text("main")
    assert DISCLAIMER in words
    assert "Its mean Dice is 0.712 (95 % interval 0.680 to 0.740) on 190 test images" in words
    assert "Of images without a tumour it marks 33 of 133." in words
    assert "32 x 32 pixels" in words


@pytest.mark.parametrize(
    ("channels", "paper", "settings", "said"),
    [(1, "rahman", {"channels": 1}, "takes RGB pictures"), (2, "paudel", {"input": "image+mask"}, "a leak")],
    ids=["grey", "mask"],
)
def test_a_network_that_a_picture_is_not_enough_for_is_refused(tmp_path, channels, paper, settings, said):
    network = bright(channels, classifies=paper == "paudel")
    model_file.save(network, about(paper, **settings), tmp_path / "best.keras")
    with pytest.raises(BadInput, match=said):
        try_page.make_try_page(tmp_path / "best.keras", Runtime(b"", b""))


def test_a_script_in_the_page_reaches_nothing(alone: Path, chromium):
    """It may fetch, post, open sockets, and ask for images, scripts, styles and frames."""
    asked = []

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    tab = chromium.new_page()
    tab.goto(f"file://{alone}/try/index.html")
    at = f"127.0.0.1:{server.server_port}"
    with socket.create_connection(at.split(":")) as checked:
        checked.sendall(b"GET /it-listens HTTP/1.0\r\n\r\n")
        assert checked.recv(20)
    refused = tab.evaluate(
        """async (at) => {
          const refused = await fetch(`http://${at}/fetch`).then(() => false, () => true);
          navigator.sendBeacon(`http://${at}/beacon`, "pixels");
          for (const open of [() => new WebSocket(`ws://${at}/socket`), () => new EventSource(`http://${at}/events`)]) {
            try { open(); } catch { }
          }
          for (const [kind, key] of [["img", "src"], ["script", "src"], ["iframe", "src"], ["link", "href"]]) {
            const element = document.createElement(kind);
            element.rel = "stylesheet";
            element[key] = `http://${at}/${kind}`;
            document.body.append(element);
          }
          const form = Object.assign(document.createElement("form"), { action: `http://${at}/form`, method: "post" });
          document.body.append(form);
          form.submit();
          await new Promise((done) => setTimeout(done, 700));
          return refused;
        }""",
        at,
    )
    tab.close()
    server.shutdown()
    assert refused
    assert asked == ["/it-listens"]
