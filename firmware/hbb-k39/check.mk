# The C simulation without vendor tools: make -f check.mk
check: hbb_k39_check
	./hbb_k39_check

hbb_k39_check: hbb_k39_test.cpp firmware/hbb_k39.cpp
	g++ -std=c++23 -O1 -w -Ifirmware/ap_types -DWEIGHTS_DIR='"firmware/weights"' $^ -o $@

.PHONY: check
