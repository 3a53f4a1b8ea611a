# The same commands as in script/, for those who have make. `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help run test setup install lint bench simulate chaos lock

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile

run: ## Start a whole cluster on this machine, until Ctrl-C
	@sh script/run $(ARGS)

test: ## Install what is needed, then run every check and test
	@sh script/test $(ARGS)

setup: ## Install what is needed, test tools included
	@sh script/setup --dev

install: ## Install for good: make install ARGS="node manager"
	@sh script/install $(ARGS)

lint: ## Style, types, the dependency rule, the Django project
	@sh script/lint

bench: ## Measure the promises: make bench ARGS="failover --quick"
	@sh script/bench $(ARGS)

simulate: ## Simulate faults: make simulate ARGS="--schedules 1000 --seed 1"
	@sh script/simulate $(ARGS)

chaos: ## Random faults on a lab: make chaos ARGS="--minutes 10 --seed 1"
	@sh script/chaos $(ARGS)

lock: ## Lock the requirements anew
	@sh script/lock $(ARGS)
