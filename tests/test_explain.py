"""`repro explain`: a number under any name that a person would type, and a paper in a few lines."""

import pytest


@pytest.fixture(autouse=True)
def no_runs(tmp_path):
    """Results without any run, in the folder in which the command is called."""
    (tmp_path / "results").mkdir()


def lines_of(printed: str) -> str:
    return " ".join(printed.split())


@pytest.mark.parametrize("typed", ["test-iou", "0.5667", "test iou", "TEST  IoU"])
def test_a_number_is_found_by_id_value_and_name(repro, typed):
    status, printed, _ = repro("explain", "gill", typed)
    assert status == 0
    said = lines_of(printed)
    assert said.startswith("Gill, test IoU 0.5667 (Table 1, abstract): not run. Not run yet. It is the mean IoU of ")
    assert "the tumour's own IoU would be 0.21 to 0.22 and its Dice 0.35 to 0.37, if a probability" in said
    assert "A blank mask scores 0.45" in said
    assert said.endswith("No other number of the paper contradicts this one.")


def test_a_number_that_is_not_clear_is_asked_back_with_ids_to_type(repro):
    status, printed, complaint = repro("explain", "gill", "iou")
    assert (status, printed) == (2, "")
    assert complaint == (
        "'iou' may be one of:\n"
        "  - train-iou  training IoU 0.5383 (Table 1)\n"
        "  - test-iou   test IoU 0.5667 (Table 1)\n"
        "For example: repro explain gill train-iou\n"
    )


def test_a_number_of_a_single_image_is_said_to_be_one(repro):
    assert "Kumar, test IoU of an image 96.28% (Fig. 7.2, single image 7.2): " in lines_of(
        repro("explain", "kumar", "image-7.2")[1]
    )


def test_a_number_that_is_entered_twice_is_the_first_entry(repro):
    assert "test BCE Dice loss 0.07" in lines_of(repro("explain", "rahman", "0.07")[1])


@pytest.mark.parametrize("typed", ["94.23%", "VI-6-benign-precision"])
def test_a_number_of_one_fold_is_named_before_its_column_is_explained(repro, typed):
    said = lines_of(repro("explain", "paudel", typed)[1])
    assert said.startswith(
        "test benign precision 94.23% (Table VI, fold 6) is judged together with all numbers of its column: "
        "Paudel, test benign precision 98.17% (Table VI (mean of ten folds), text before it): contradicted."
    )


def test_of_a_number_of_several_folds_each_place_is_named(repro):
    said = lines_of(repro("explain", "paudel", "0.01")[1])
    assert "0.01 (Table V, fold 2; Table V, fold " in said


def test_of_two_networks_the_papers_own_is_meant_unless_the_other_is_named(repro):
    _, printed, _ = repro("explain", "tang", "test iou")
    assert printed.startswith("Tang, test IoU 68.61%")
    _, printed, _ = repro("explain", "tang", "cmunext-iou")
    assert printed.startswith("Tang, test IoU (network=cmunext) 71.56%")


def test_without_a_number_the_paper_is_told_in_about_ten_sentences(repro):
    status, printed, _ = repro("explain", "gill")
    assert status == 0
    said = lines_of(printed)
    assert said.startswith("Gill: U-Net++ Based Breast Cancer Detection.")
    for words in ("28.1 million weights", "Not run yet", "test IoU 0.5667", "It claims", "such as 0.5667"):
        assert words in said
    assert max(map(len, printed.splitlines())) <= 80


def test_an_unknown_paper_is_refused(repro):
    status, _, complaint = repro("explain", "nobody")
    assert status == 2
    assert "no paper 'nobody'" in complaint


def test_without_a_folder_of_results_it_does_not_say_that_nothing_was_run(repro, tmp_path):
    (tmp_path / "results").rmdir()
    status, printed, complaint = repro("explain", "gill")
    assert (status, printed) == (2, "")
    assert "There is no folder results here. Name that of the results: --results DIR" in lines_of(complaint)
