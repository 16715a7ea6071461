# The C simulation without vendor tools: make -f check.mk
check: hbb_k16_check
	./hbb_k16_check

hbb_k16_check: hbb_k16_test.cpp firmware/hbb_k16.cpp
	g++ -std=c++23 -O1 -w -Ifirmware/ap_types -DWEIGHTS_DIR='"firmware/weights"' $^ -o $@

.PHONY: check
