// Must say: incomplete type|undefined template
// Including the measures instantiates neither Eigen's products nor its eigensolver: both are left without a
// definition here.
#include <Eigen/Eigenvalues>

namespace Eigen {
namespace internal {
template <int Architecture, int PacketSize>
class gebp_traits<float, float, false, false, Architecture, PacketSize>;
template <int Architecture, int PacketSize>
class gebp_traits<double, double, false, false, Architecture, PacketSize>;
template <>
struct tridiagonalization_inplace_selector<MatrixXd, Dynamic, false>;
} // namespace internal
} // namespace Eigen

#include <repscope/dimensionality/jackknife.hpp>
#include <repscope/dimensionality/local_pca.hpp>
#include <repscope/dimensionality/spectrum.hpp>
#include <repscope/dimensionality/trace_estimators.hpp>
#include <repscope/dimensionality/two_trials.hpp>
#include <repscope/dimensionality/unit_subsampling.hpp>

#ifdef WRONG
std::vector<double> eigenvalues(const repscope::centred_products& products) {
    return repscope::spectrum(products);
}
#endif
