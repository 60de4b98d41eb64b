PYTHON ?= python3
VENV   ?= .venv
ZOO     = $(VENV)/bin/zoo
RUN     = runs/demo

.PHONY: help demo test check mutation docs presets

help:  ## Show what there is to make
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --editable ".[dev]"
	@touch $@

demo: $(VENV)/installed  ## Fine-tune a pretrained VAE on digits it has never seen; report, pictures and .tflite in runs/demo
	$(ZOO) info vae_conv.mnist
	$(ZOO) finetune vae_conv.mnist --data digits --resize model --set binarize=none --epochs 30 --out $(RUN) --force
	$(ZOO) verify $(RUN)
	@echo "report: $(RUN)/README.md   pictures: $(RUN)/figures/   phone: $(RUN)/tflite/model.tflite"

test: $(VENV)/installed  ## Run the tests
	$(VENV)/bin/python -m pytest -n 2

check: $(VENV)/installed  ## Look at the style, then run the tests
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/python -m pytest -n 2

mutation: $(VENV)/installed  ## Plant mistakes in the objectives that have changed, and count those the tests find (an hour for all)
	$(VENV)/bin/python tests/mutation.py --fail-under 95

docs: $(VENV)/installed  ## Write the tables of docs/models.md and README.md from the catalogue
	$(VENV)/bin/python docs/generate.py

presets: $(VENV)/installed  ## Train the presets again, from their own configurations (an hour)
	for name in ae_conv vae_conv vae_dense gan_conv; do \
	  $(ZOO) train saved_models/$$name.mnist/config.yaml --out runs/$$name.mnist --force || exit 1; done
