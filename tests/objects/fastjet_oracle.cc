// FastJet and its contributed packages behind a C interface, for tests only.
#include <cmath>
#include <cstdint>
#include <vector>

#include "fastjet/ClusterSequence.hh"
#include "fastjet/contrib/EnergyCorrelator.hh"
#include "fastjet/contrib/Nsubjettiness.hh"
#include "fastjet/contrib/VariableRPlugin.hh"

using namespace fastjet;

namespace {

std::vector<PseudoJet> inputs(int64_t n, const double* p) {
  std::vector<PseudoJet> out;
  out.reserve(n);
  for (int64_t i = 0; i < n; ++i) {
    out.emplace_back(p[i], p[n + i], p[2 * n + i], p[3 * n + i]);
    out.back().set_user_index(static_cast<int>(i));
  }
  return out;
}

// Labels inputs with the number of their jet, jets sorted by pT, and returns how many there are.
int64_t label(const ClusterSequence& sequence, double min_pt, int64_t n, int64_t* labels) {
  for (int64_t i = 0; i < n; ++i) labels[i] = -1;
  const auto jets = sorted_by_pt(sequence.inclusive_jets(min_pt));
  for (std::size_t j = 0; j < jets.size(); ++j)
    for (const auto& c : jets[j].constituents()) labels[c.user_index()] = static_cast<int64_t>(j);
  return static_cast<int64_t>(jets.size());
}

Strategy strategy_of(int64_t code) { return code == 0 ? Best : code == 1 ? N2Plain : N2Tiled; }

}  // namespace

extern "C" {

int64_t antikt(int64_t n, const double* p, double radius, double min_pt, int64_t strategy, int64_t* labels) {
  const ClusterSequence sequence(inputs(n, p), JetDefinition(antikt_algorithm, radius, E_scheme, strategy_of(strategy)));
  return label(sequence, min_pt, n, labels);
}

int64_t variable_r(int64_t n, const double* p, double rho, double r_min, double r_max, double min_pt, int64_t* labels) {
  // The strategy fixes what happens at equal distances.
  contrib::VariableRPlugin plugin(rho, r_min, r_max, contrib::VariableRPlugin::AKTLIKE, false,
                                  contrib::VariableRPlugin::N2Plain);
  const ClusterSequence sequence(inputs(n, p), JetDefinition(&plugin));
  return label(sequence, min_pt, n, labels);
}

// C2, D2, tau1, tau2, tau3, sqrt(d12), sqrt(d23) of one jet, by kT without a beam.
void substructure(int64_t n, const double* p, double* out) {
  const auto particles = inputs(n, p);
  // A radius so large that the beam is never near; dij comes divided by its square.
  const double radius = 900;
  const ClusterSequence sequence(particles, JetDefinition(kt_algorithm, radius));
  const auto whole = join(particles);
  contrib::EnergyCorrelator ecf1(1, 1.0), ecf2(2, 1.0), ecf3(3, 1.0);
  const double e1 = ecf1(whole), e2 = ecf2(whole), e3 = ecf3(whole);
  out[0] = e3 * e1 / (e2 * e2);
  out[1] = e3 * e1 * e1 * e1 / (e2 * e2 * e2);
  for (int k = 1; k <= 3; ++k) {
    contrib::Nsubjettiness tau(k, contrib::KT_Axes(), contrib::NormalizedMeasure(1.0, 1.0));
    out[1 + k] = n >= k ? tau(whole) : 0;
  }
  out[5] = n > 1 ? radius * std::sqrt(sequence.exclusive_dmerge(1)) : 0;
  out[6] = n > 2 ? radius * std::sqrt(sequence.exclusive_dmerge(2)) : 0;
}

// Clusters one event `repeats` times, for timing.
int64_t repeat_antikt(int64_t n, const double* p, double radius, int64_t strategy, int64_t repeats) {
  const auto particles = inputs(n, p);
  const JetDefinition definition(antikt_algorithm, radius, E_scheme, strategy_of(strategy));
  int64_t total = 0;
  for (int64_t r = 0; r < repeats; ++r) total += ClusterSequence(particles, definition).n_particles();
  return total;
}

int64_t repeat_variable_r(int64_t n, const double* p, double rho, double r_min, double r_max, int64_t repeats) {
  const auto particles = inputs(n, p);
  contrib::VariableRPlugin plugin(rho, r_min, r_max, contrib::VariableRPlugin::AKTLIKE);
  const JetDefinition definition(&plugin);
  int64_t total = 0;
  for (int64_t r = 0; r < repeats; ++r) total += ClusterSequence(particles, definition).n_particles();
  return total;
}
}
