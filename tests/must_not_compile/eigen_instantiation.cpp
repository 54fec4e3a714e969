// Expected message: incomplete type|undefined template
// Including the measures instantiates neither Eigen's products nor its eigensolver: both are left without a
// definition here.
#include <Eigen/Eigenvalues>

namespace Eigen {
namespace internal {
template <int Architecture, int PacketSize>
class gebp_traits<float, float, false, false, Architecture, PacketSize>;
template <int Architecture, int PacketSize>
class gebp_traits<double, double, false, false, Architecture, PacketSize>;
} // namespace internal
} // namespace Eigen

#include <repscope/dimensionality/hutch_plus_plus.hpp>
#include <repscope/dimensionality/local_pca.hpp>
#include <repscope/dimensionality/participation_ratio_jackknife.hpp>
#include <repscope/dimensionality/participation_ratio_sampled_units.hpp>
#include <repscope/dimensionality/participation_ratio_two_trials.hpp>
#include <repscope/dimensionality/spectrum.hpp>

#ifdef WRONG
std::vector<double> eigenvalues(const repscope::covariance& state) { return repscope::spectrum(state); }
#endif
