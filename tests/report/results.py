"""A made-up scan."""

from trigsim.numeric.intervals import Estimate
from trigsim.studies.results import BudgetResult, Hardware, MenuResult, ScanResult, SeedResult


def made_up(mismatches: int = 0) -> ScanResult:
    def budget(k: int) -> BudgetResult:
        half = Estimate(0.5, 0.45, 0.56)
        return BudgetResult(
            features=tuple(f"f{i}" for i in range(k)),
            nodes=(8, 4),
            bits=6,
            bit_operations=1000 * k,
            auc=Estimate(0.9, 0.89, 0.91),
            rejection={e: Estimate(50.0, 45.0, 56.0) for e in (0.3, 0.5, 0.7)},
            seeds=tuple(SeedResult(s, tuple(f"f{i}" for i in range(k)), 0.89 + 0.01 * s) for s in range(3)),
            menu=MenuResult(
                {"Tagged <b>": Estimate(1.5, 1.2, 1.9, "kHz"), "total": Estimate(20.0, 18.0, 22.0, "kHz")},
                {"Tagged <b>": 0.4, "total": 0.0},
                {"hbb": {"Tagged <b>": half, "total": half}},
                1000,
                0.5,
            ),
            efficiency_at_rate=half,
            rate_at_efficiency=None if k == 2 else Estimate(1.0, 0.8, 1.3, "kHz"),
            curve=((0.1, 0.2), (1.0, 0.5), (10.0, 0.8)),
            hardware=Hardware(
                8, 25.0, 250.0, {"LUT": 800, "FF": 90}, {"LUT": 0.004, "FF": 1e-4}, "XCVU9P", "an estimate"
            ),
            csim_inputs=100,
            csim_mismatches=mismatches,
        )

    return ScanResult("Title", "beam", 60.0, 31000.0, "Tagged <b>", "hbb", 10.0, 0.5, (budget(2), budget(5)))
