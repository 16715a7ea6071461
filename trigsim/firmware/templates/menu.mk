# The C simulation without vendor tools: make -j -f check.mk
CXXFLAGS = -std=c++17 -O1 -w -Ifirmware -Ifirmware/ap_types -I.
OBJECTS = $(patsubst %.cpp,%.o,$(wildcard firmware/*.cpp)) menu_test.o

check: menu_test
	./menu_test

menu_test: $(OBJECTS)
	$(CXX) $^ -o $@

$(OBJECTS): $(wildcard firmware/*.h)

.PHONY: check
