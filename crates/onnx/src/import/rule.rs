//! Which operator is read how.

use super::{Importer, Node, Refusal, constant, elementwise as e, index, layout, linear, norm, pool, reduce, resize};

/// How one operator of the default domain is read.
pub(super) struct Rule {
    name: &'static str,
    /// Newest version of the operator whose meaning is known here.
    pub(super) newest: i64,
    /// Attributes that are understood, in any version.
    pub(super) attributes: &'static [&'static str],
    pub(super) import: fn(&mut Importer<'_>, &Node<'_>) -> Result<(), Refusal>,
}

pub(super) fn find(op: &str) -> Option<&'static Rule> {
    RULES.binary_search_by(|rule| rule.name.cmp(op)).ok().and_then(|i| RULES.get(i))
}

macro_rules! rules {
    ($($name:literal $newest:literal [$($attribute:literal)*] $import:expr;)*) => {
        &[$(Rule { name: $name, newest: $newest, attributes: &[$($attribute),*], import: $import }),*]
    };
}

/// Sorted by name.
#[rustfmt::skip]
pub(super) static RULES: &[Rule] = rules! {
    "Abs" 13 [] e::abs;
    "Add" 14 [] e::add;
    "And" 7 [] e::and;
    "ArgMax" 13 ["axis" "keepdims" "select_last_index"] reduce::arg;
    "ArgMin" 13 ["axis" "keepdims" "select_last_index"] reduce::arg;
    "AveragePool" 22 ["auto_pad" "ceil_mode" "count_include_pad" "dilations" "kernel_shape" "pads" "strides"] pool::average_pool;
    "BatchNormalization" 15 ["epsilon" "momentum" "spatial" "training_mode"] norm::batch_normalization;
    "Cast" 25 ["to" "saturate" "round_mode"] e::cast;
    "CastLike" 25 ["saturate" "round_mode"] e::cast_like;
    "Ceil" 13 [] e::ceil;
    "Celu" 12 ["alpha"] e::celu;
    "Clip" 13 ["min" "max"] e::clip;
    "Concat" 13 ["axis"] layout::concat;
    "Constant" 25 ["value" "value_float" "value_floats" "value_int" "value_ints" "value_string" "value_strings" "sparse_value"] constant::constant;
    "ConstantOfShape" 25 ["value"] constant::constant_of_shape;
    "Conv" 22 ["auto_pad" "dilations" "group" "kernel_shape" "pads" "strides"] linear::conv;
    "ConvTranspose" 22 ["auto_pad" "dilations" "group" "kernel_shape" "output_padding" "output_shape" "pads" "strides"] linear::conv_transpose;
    "Cos" 22 [] e::cos;
    "CumSum" 14 ["exclusive" "reverse"] reduce::cum_sum;
    "DepthToSpace" 13 ["blocksize" "mode"] layout::depth_to_space;
    "Div" 14 [] e::div;
    "Dropout" 22 ["ratio" "seed"] e::dropout;
    "Elu" 22 ["alpha"] e::elu;
    "Equal" 19 [] e::equal;
    "Erf" 13 [] e::erf;
    "Exp" 13 [] e::exp;
    "Expand" 13 [] layout::expand;
    "Flatten" 25 ["axis"] layout::flatten;
    "Floor" 13 [] e::floor;
    "Gather" 13 ["axis"] index::gather;
    "GatherElements" 13 ["axis"] index::gather_elements;
    "Gelu" 20 ["approximate"] e::gelu;
    "Gemm" 13 ["alpha" "beta" "transA" "transB"] linear::gemm;
    "GlobalAveragePool" 22 [] e::global_average_pool;
    "GlobalMaxPool" 22 [] e::global_max_pool;
    "Greater" 13 [] e::greater;
    "GreaterOrEqual" 16 [] e::greater_or_equal;
    "GroupNormalization" 21 ["epsilon" "num_groups" "stash_type"] norm::group_normalization;
    "HardSigmoid" 22 ["alpha" "beta"] e::hard_sigmoid;
    "HardSwish" 22 [] e::hard_swish;
    "Identity" 25 [] e::identity;
    "InstanceNormalization" 22 ["epsilon"] norm::instance_normalization;
    "LayerNormalization" 17 ["axis" "epsilon" "stash_type"] norm::layer_normalization;
    "LeakyRelu" 16 ["alpha"] e::leaky_relu;
    "Less" 13 [] e::less;
    "LessOrEqual" 16 [] e::less_or_equal;
    "Log" 13 [] e::log;
    "LogSoftmax" 13 ["axis"] norm::log_softmax;
    "MatMul" 13 [] e::matmul;
    "Max" 13 [] e::max;
    "MaxPool" 22 ["auto_pad" "ceil_mode" "dilations" "kernel_shape" "pads" "storage_order" "strides"] pool::max_pool;
    "Mean" 13 [] e::mean;
    "Min" 13 [] e::min;
    "Mish" 22 [] e::mish;
    "Mod" 13 ["fmod"] e::modulo;
    "Mul" 14 [] e::mul;
    "Neg" 13 [] e::neg;
    "Not" 1 [] e::not;
    "OneHot" 11 ["axis"] constant::one_hot;
    "Or" 7 [] e::or;
    "PRelu" 16 [] e::prelu;
    "Pad" 25 ["mode" "pads" "value"] layout::pad;
    "Pow" 15 [] e::pow;
    "RMSNormalization" 23 ["axis" "epsilon" "stash_type"] norm::rms_normalization;
    "Range" 27 ["stash_type"] constant::run_time;
    "Reciprocal" 13 [] e::reciprocal;
    "ReduceL1" 18 ["axes" "keepdims" "noop_with_empty_axes"] reduce::reduce;
    "ReduceL2" 18 ["axes" "keepdims" "noop_with_empty_axes"] reduce::reduce;
    "ReduceLogSum" 18 ["axes" "keepdims" "noop_with_empty_axes"] reduce::reduce;
    "ReduceLogSumExp" 18 ["axes" "keepdims" "noop_with_empty_axes"] reduce::reduce;
    "ReduceMax" 20 ["axes" "keepdims" "noop_with_empty_axes"] reduce::reduce;
    "ReduceMean" 18 ["axes" "keepdims" "noop_with_empty_axes"] reduce::reduce;
    "ReduceMin" 20 ["axes" "keepdims" "noop_with_empty_axes"] reduce::reduce;
    "ReduceProd" 18 ["axes" "keepdims" "noop_with_empty_axes"] reduce::reduce;
    "ReduceSum" 13 ["axes" "keepdims" "noop_with_empty_axes"] reduce::reduce;
    "ReduceSumSquare" 18 ["axes" "keepdims" "noop_with_empty_axes"] reduce::reduce;
    "Relu" 14 [] e::relu;
    "Reshape" 25 ["allowzero"] layout::reshape;
    "Resize" 19 ["antialias" "axes" "coordinate_transformation_mode" "cubic_coeff_a" "exclude_outside" "extrapolation_value" "keep_aspect_ratio_policy" "mode" "nearest_mode"] resize::resize;
    "Round" 22 [] e::round;
    "Scatter" 9 ["axis"] index::scatter_elements;
    "ScatterElements" 18 ["axis" "reduction"] index::scatter_elements;
    "Selu" 22 ["alpha" "gamma"] e::selu;
    "Shape" 25 ["start" "end"] constant::shape;
    "Sigmoid" 13 [] e::sigmoid;
    "Sign" 13 [] e::sign;
    "Sin" 22 [] e::sin;
    "Size" 25 [] constant::size;
    "Slice" 13 ["axes" "ends" "starts"] index::slice;
    "Softmax" 13 ["axis"] norm::softmax;
    "Softplus" 22 [] e::softplus;
    "Softsign" 22 [] e::softsign;
    "SpaceToDepth" 13 ["blocksize"] layout::space_to_depth;
    "Split" 18 ["axis" "num_outputs" "split"] layout::split;
    "Sqrt" 13 [] e::sqrt;
    "Squeeze" 25 ["axes"] layout::squeeze;
    "Sub" 14 [] e::sub;
    "Sum" 13 [] e::sum;
    "Swish" 24 ["alpha"] e::swish;
    "Tanh" 13 [] e::tanh;
    "ThresholdedRelu" 22 ["alpha"] e::thresholded_relu;
    "Tile" 13 [] layout::tile;
    "TopK" 24 ["axis" "k" "largest" "sorted"] reduce::top_k;
    "Transpose" 25 ["perm"] layout::transpose;
    "Trilu" 14 ["upper"] index::trilu;
    "Unsqueeze" 25 ["axes"] layout::unsqueeze;
    "Upsample" 9 ["mode" "scales"] resize::upsample;
    "Where" 16 [] e::choose;
    "Xor" 7 [] e::xor;
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(RULES.is_sorted_by(|a, b| a.name < b.name));
    }

    #[test]
    fn every_rule_reads_a_version_that_exists() {
        for rule in RULES {
            assert_eq!(crate::version::since(rule.name, rule.newest), Some(rule.newest), "{}", rule.name);
        }
    }
}
