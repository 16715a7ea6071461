# trigsim: `make demo` and `make test` set themselves up; both are safe to repeat.
# All that tests, lint and documentation look at.
EXTRAS := generate,firmware,frontends,scale,bench,docs,test

.PHONY: help demo test lint docs clean

help:  ## say what each target does
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo:  ## set up .venv, then train, quantise, check against csim, stream and report (out/demo/report.html)
	@tools/setup.sh firmware
	.venv/bin/trigsim scan configs/scans/demo.yaml -o out/demo

test:  ## set up .venv, then run the tests, a process a core
	@tools/setup.sh $(EXTRAS)
	.venv/bin/python -m pytest -n logical --maxprocesses 4 --dist loadfile

lint:  ## ruff, and mypy --strict outside kernels
	@tools/setup.sh $(EXTRAS)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

docs:  ## build the documentation site (out/site/index.html); warnings are errors
	@tools/setup.sh $(EXTRAS)
	.venv/bin/python -m sphinx -W --keep-going -q docs out/site

clean:  ## remove outputs; keeps .venv
	rm -rf out build dist
