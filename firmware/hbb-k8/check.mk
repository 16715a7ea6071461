# The C simulation without vendor tools: make -f check.mk
check: hbb_k8_check
	./hbb_k8_check

hbb_k8_check: hbb_k8_test.cpp firmware/hbb_k8.cpp
	g++ -std=c++23 -O1 -w -Ifirmware/ap_types -DWEIGHTS_DIR='"firmware/weights"' $^ -o $@

.PHONY: check
