"""Energy of a piece of work: read from counters where there are any, else estimated and said so."""

import pytest

from unmixing.semantic.energy import Meter


def counter(folder, name, value, most=1_000_000_000):
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    (place / "energy_uj").write_text(f"{value}\n")
    (place / "max_energy_range_uj").write_text(f"{most}\n")


def test_counters_of_all_processors_are_added(tmp_path):
    counter(tmp_path, "intel-rapl:0", 5_000_000)
    counter(tmp_path, "intel-rapl:1", 1_000_000)
    counter(tmp_path, "intel-rapl:0:0", 0)
    meter = Meter(tmp_path)
    counter(tmp_path, "intel-rapl:0", 7_500_000)
    counter(tmp_path, "intel-rapl:1", 2_000_000)
    counter(tmp_path, "intel-rapl:0:0", 900_000_000)
    spent = meter.read()
    assert spent.energy_j == pytest.approx(3.5), "a part of a processor is in the whole already"
    assert spent.measured
    assert spent.source == "measured: RAPL, 2 processors with all that ran on them"


def test_a_counter_that_started_again_is_understood(tmp_path):
    counter(tmp_path, "intel-rapl:0", 990_000_000)
    meter = Meter(tmp_path)
    counter(tmp_path, "intel-rapl:0", 10_000_000)
    assert meter.read().energy_j == pytest.approx(20.0)


def test_without_counters_the_energy_is_processor_time_times_a_stated_power(tmp_path):
    meter = Meter(tmp_path, watts_per_core=7.0)
    sum(range(200_000))
    spent = meter.read()
    assert spent.energy_j == pytest.approx(7.0 * spent.processor_s)
    assert spent.energy_j > 0
    assert spent.source == "estimated: 7 W for a busy core"
    assert not spent.measured


def test_a_counter_that_may_not_be_read_is_no_counter(tmp_path):
    counter(tmp_path, "intel-rapl:0", 5)
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("")
    assert not Meter(tmp_path).read().measured
