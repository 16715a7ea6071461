// What conditions of a menu are made of: the objects that meet a leg, and the choices of different objects.
// Every loop has constant bounds and is unrolled; a mask holds one bit a slot.
#ifndef MENU_LOGIC_H_
#define MENU_LOGIC_H_

#include "ap_int.h"

// Slots whose object meets a leg.
template <class LEG, class OBJECT, int N> ap_uint<N> select(const OBJECT (&objects)[N]) {
#pragma HLS INLINE
    ap_uint<N> mask = 0;
    for (int i = 0; i < N; i++) {
#pragma HLS UNROLL
        mask[i] = LEG::pass(objects[i]);
    }
    return mask;
}

// Slots whose object lies near another one.
template <class NEAR, class OBJECT, int N, class OTHER>
ap_uint<N> near(const OBJECT (&objects)[N], const OTHER &other) {
#pragma HLS INLINE
    ap_uint<N> mask = 0;
    for (int i = 0; i < N; i++) {
#pragma HLS UNROLL
        mask[i] = NEAR::pass(objects[i], other);
    }
    return mask;
}

template <int N> int count(const ap_uint<N> &mask) {
#pragma HLS INLINE
    int ones = 0;
    for (int i = 0; i < N; i++) {
#pragma HLS UNROLL
        ones += mask[i] ? 1 : 0;
    }
    return ones;
}

// Whether legs can be met by different objects: any of them together are met by at least as many (Hall).
template <int N, class... MASKS> bool different(const MASKS &...masks) {
#pragma HLS INLINE
    const int K = sizeof...(MASKS);
    const ap_uint<N> legs[K] = {ap_uint<N>(masks)...};
    bool possible = true;
    for (int subset = 1; subset < (1 << K); subset++) {
#pragma HLS UNROLL
        ap_uint<N> together = 0;
        int wanted = 0;
        for (int k = 0; k < K; k++) {
#pragma HLS UNROLL
            if ((subset >> k) & 1) {
                together |= legs[k];
                wanted++;
            }
        }
        possible = possible && count<N>(together) >= wanted;
    }
    return possible;
}

// Which slots of two legs may be combined: any; different ones; each pair once (equal legs, symmetric cuts).
enum Slots { ANY, DIFFERENT, ONCE };

template <Slots WHICH> bool combined(int i, int j) {
#pragma HLS INLINE
    return WHICH == ANY || (WHICH == DIFFERENT && i != j) || (WHICH == ONCE && i < j);
}

// Whether two objects meet the legs and the cuts on the pair.
template <class CUTS, Slots WHICH, class A, int N, class B, int M>
bool any_pair(const A (&a)[N], const ap_uint<N> &first, const B (&b)[M], const ap_uint<M> &second) {
#pragma HLS INLINE
    bool found = false;
    for (int i = 0; i < N; i++) {
#pragma HLS UNROLL
        for (int j = 0; j < M; j++) {
#pragma HLS UNROLL
            found = found || (combined<WHICH>(i, j) && first[i] && second[j] && CUTS::pass(a[i], b[j]));
        }
    }
    return found;
}

// Whether three objects meet the legs and the cuts on them.
template <class CUTS, Slots AB, Slots AC, Slots BC, class A, int N, class B, int M, class C, int L>
bool any_triple(const A (&a)[N], const ap_uint<N> &first, const B (&b)[M], const ap_uint<M> &second, const C (&c)[L],
                const ap_uint<L> &third) {
#pragma HLS INLINE
    bool found = false;
    for (int i = 0; i < N; i++) {
#pragma HLS UNROLL
        for (int j = 0; j < M; j++) {
#pragma HLS UNROLL
            for (int k = 0; k < L; k++) {
#pragma HLS UNROLL
                const bool chosen = combined<AB>(i, j) && combined<AC>(i, k) && combined<BC>(j, k);
                found = found || (chosen && first[i] && second[j] && third[k] && CUTS::pass(a[i], b[j], c[k]));
            }
        }
    }
    return found;
}

template <class T> T distance(const T &a, const T &b) {
#pragma HLS INLINE
    return a > b ? T(a - b) : T(b - a);
}

// The short way around a turn of BINS.
template <int BINS, class T> T turn(const T &a, const T &b) {
#pragma HLS INLINE
    const T way = distance<T>(a, b);
    return 2 * way >= BINS ? T(BINS - way) : way;
}

#endif
