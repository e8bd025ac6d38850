//! Which operator is read how.

use super::{
    Importer, Node, Refusal, attention, constant, control, einsum, elementwise as e, grid, index, layout, linear, lp, microsoft, ml, nbits,
    norm, pool, quant, recurrent, reduce, resize, scale, sequence,
};

use crate::version;

/// How one operator is read.
pub(super) struct Rule {
    name: &'static str,
    /// Newest version of the operator whose meaning is known here; the domains beside the default one have only one.
    pub(super) newest: i64,
    /// Attributes that are understood, in any version.
    pub(super) attributes: &'static [&'static str],
    pub(super) import: fn(&mut Importer<'_>, &Node<'_>) -> Result<(), Refusal>,
}

/// The rule of an operator.
pub(super) fn find(domain: &str, op: &str) -> Option<&'static Rule> {
    let table = match domain {
        "" => RULES,
        "com.microsoft" => MICROSOFT,
        ml::DOMAIN => ML,
        _ => return None,
    };
    table.binary_search_by(|rule| rule.name.cmp(op)).ok().and_then(|i| table.get(i))
}

/// An operator that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operator {
    /// Its domain, empty for the default one.
    pub domain: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Oldest and newest opset in which it is read; `None` in domains beside the default one.
    pub opsets: Option<(i64, i64)>,
}

/// Returns the operators that are read, by domain and name; those of `ai.onnx.ml` that are carried along are not.
#[must_use]
pub fn operators() -> Vec<Operator> {
    let opsets = |rule: &Rule| {
        let known = |opset: &i64| version::since(rule.name, *opset).is_some_and(|version| version <= rule.newest);
        let mut all = (version::OLDEST..=version::NEWEST).filter(known);
        let oldest = all.next()?;
        Some((oldest, all.next_back().unwrap_or(oldest)))
    };
    let default = RULES.iter().map(|rule| Operator { domain: "", name: rule.name, opsets: opsets(rule) });
    let carried = |rule: &Rule| rule.name.starts_with("TreeEnsemble");
    let others = [("com.microsoft", MICROSOFT), (ml::DOMAIN, ML)].into_iter().flat_map(move |(domain, rules)| {
        let read = rules.iter().filter(move |rule| !carried(rule));
        read.map(move |rule| Operator { domain, name: rule.name, opsets: None })
    });
    default.chain(others).collect()
}

macro_rules! rules {
    ($($name:literal $newest:literal [$($attribute:literal)*] $import:expr;)*) => {
        &[$(Rule { name: $name, newest: $newest, attributes: &[$($attribute),*], import: $import }),*]
    };
}

/// ONNX's default domain, sorted by name.
#[rustfmt::skip]
pub(super) static RULES: &[Rule] = rules! {
    "Abs" 13 [] e::abs;
    "Acos" 22 [] e::acos;
    "Acosh" 22 [] e::acosh;
    "Add" 14 [] e::add;
    "AffineGrid" 20 ["align_corners"] grid::affine_grid;
    "And" 7 [] e::and;
    "ArgMax" 13 ["axis" "keepdims" "select_last_index"] reduce::arg;
    "ArgMin" 13 ["axis" "keepdims" "select_last_index"] reduce::arg;
    "Asin" 22 [] e::asin;
    "Asinh" 22 [] e::asinh;
    "Atan" 22 [] e::atan;
    "Atanh" 22 [] e::atanh;
    "Attention" 25 ["is_causal" "kv_num_heads" "left_window_size" "q_num_heads" "qk_matmul_output_mode" "right_window_size" "scale" "softcap" "softmax_precision"] attention::attention;
    "AveragePool" 22 ["auto_pad" "ceil_mode" "count_include_pad" "dilations" "kernel_shape" "pads" "strides"] pool::average_pool;
    "BatchNormalization" 15 ["epsilon" "momentum" "spatial" "training_mode"] norm::batch_normalization;
    "BitShift" 11 ["direction"] e::bit_shift;
    "BitwiseAnd" 18 [] e::bitwise_and;
    "BitwiseNot" 18 [] e::bitwise_not;
    "BitwiseOr" 18 [] e::bitwise_or;
    "BitwiseXor" 18 [] e::bitwise_xor;
    "Cast" 25 ["to" "saturate" "round_mode"] e::cast;
    "CastLike" 25 ["saturate" "round_mode"] e::cast_like;
    "Ceil" 13 [] e::ceil;
    "Celu" 12 ["alpha"] e::celu;
    "CenterCropPad" 18 ["axes"] layout::center_crop_pad;
    "Clip" 13 ["min" "max"] e::clip;
    "Compress" 11 ["axis"] index::compress;
    "Concat" 13 ["axis"] layout::concat;
    "ConcatFromSequence" 11 ["axis" "new_axis"] sequence::concat;
    "Constant" 25 ["value" "value_float" "value_floats" "value_int" "value_ints" "value_string" "value_strings" "sparse_value"] constant::constant;
    "ConstantOfShape" 25 ["value"] constant::constant_of_shape;
    "Conv" 22 ["auto_pad" "dilations" "group" "kernel_shape" "pads" "strides"] linear::conv;
    "ConvInteger" 10 ["auto_pad" "dilations" "group" "kernel_shape" "pads" "strides"] quant::conv_integer;
    "ConvTranspose" 22 ["auto_pad" "dilations" "group" "kernel_shape" "output_padding" "output_shape" "pads" "strides"] linear::conv_transpose;
    "Cos" 22 [] e::cos;
    "Cosh" 22 [] e::cosh;
    "CumSum" 14 ["exclusive" "reverse"] reduce::cum_sum;
    "DepthToSpace" 13 ["blocksize" "mode"] layout::depth_to_space;
    "DequantizeLinear" 25 ["axis" "block_size" "output_dtype"] scale::dequantize;
    "Div" 14 [] e::div;
    "Dropout" 22 ["ratio" "seed"] e::dropout;
    "DynamicQuantizeLinear" 11 [] quant::dynamic_quantize;
    "Einsum" 12 ["equation"] einsum::einsum;
    "Elu" 22 ["alpha"] e::elu;
    "Equal" 19 [] e::equal;
    "Erf" 13 [] e::erf;
    "Exp" 13 [] e::exp;
    "Expand" 13 [] layout::expand;
    "EyeLike" 22 ["dtype" "k"] constant::eye_like;
    "Flatten" 25 ["axis"] layout::flatten;
    "Floor" 13 [] e::floor;
    "GRU" 22 ["activation_alpha" "activation_beta" "activations" "clip" "direction" "hidden_size" "layout" "linear_before_reset"] recurrent::gru;
    "Gather" 13 ["axis"] index::gather;
    "GatherElements" 13 ["axis"] index::gather_elements;
    "GatherND" 13 ["batch_dims"] index::gather_nd;
    "Gelu" 20 ["approximate"] e::gelu;
    "Gemm" 13 ["alpha" "beta" "transA" "transB"] linear::gemm;
    "GlobalAveragePool" 22 [] e::global_average_pool;
    "GlobalLpPool" 22 ["p"] lp::global_lp_pool;
    "GlobalMaxPool" 22 [] e::global_max_pool;
    "Greater" 13 [] e::greater;
    "GreaterOrEqual" 16 [] e::greater_or_equal;
    "GridSample" 22 ["align_corners" "mode" "padding_mode"] grid::grid_sample;
    "GroupNormalization" 21 ["epsilon" "num_groups" "stash_type"] norm::group_normalization;
    "HardSigmoid" 22 ["alpha" "beta"] e::hard_sigmoid;
    "HardSwish" 22 [] e::hard_swish;
    "Hardmax" 13 ["axis"] norm::hardmax;
    "Identity" 25 [] e::identity;
    "If" 25 ["else_branch" "then_branch"] control::choose;
    "InstanceNormalization" 22 ["epsilon"] norm::instance_normalization;
    "IsInf" 20 ["detect_negative" "detect_positive"] e::is_inf;
    "IsNaN" 20 [] e::is_nan;
    "LRN" 13 ["alpha" "beta" "bias" "size"] lp::lrn;
    "LSTM" 22 ["activation_alpha" "activation_beta" "activations" "clip" "direction" "hidden_size" "input_forget" "layout"] recurrent::lstm;
    "LayerNormalization" 17 ["axis" "epsilon" "stash_type"] norm::layer_normalization;
    "LeakyRelu" 16 ["alpha"] e::leaky_relu;
    "Less" 13 [] e::less;
    "LessOrEqual" 16 [] e::less_or_equal;
    "Log" 13 [] e::log;
    "LogSoftmax" 13 ["axis"] norm::log_softmax;
    "Loop" 25 ["body"] control::repeat;
    "LpNormalization" 22 ["axis" "p"] lp::lp_normalization;
    "LpPool" 22 ["auto_pad" "ceil_mode" "dilations" "kernel_shape" "p" "pads" "strides"] lp::lp_pool;
    "MatMul" 13 [] e::matmul;
    "MatMulInteger" 10 [] quant::matmul_integer;
    "Max" 13 [] e::max;
    "MaxPool" 22 ["auto_pad" "ceil_mode" "dilations" "kernel_shape" "pads" "storage_order" "strides"] pool::max_pool;
    "Mean" 13 [] e::mean;
    "MeanVarianceNormalization" 13 ["axes"] norm::mean_variance_normalization;
    "Min" 13 [] e::min;
    "Mish" 22 [] e::mish;
    "Mod" 13 ["fmod"] e::modulo;
    "Mul" 14 [] e::mul;
    "Neg" 13 [] e::neg;
    "NonZero" 13 [] constant::non_zero;
    "Not" 1 [] e::not;
    "OneHot" 11 ["axis"] constant::one_hot;
    "Or" 7 [] e::or;
    "PRelu" 16 [] e::prelu;
    "Pad" 25 ["mode" "pads" "value"] layout::pad;
    "Pow" 15 [] e::pow;
    "QLinearConv" 10 ["auto_pad" "dilations" "group" "kernel_shape" "pads" "strides"] quant::qlinear_conv;
    "QLinearMatMul" 21 [] quant::qlinear_matmul;
    "QuantizeLinear" 25 ["axis" "block_size" "output_dtype" "precision" "saturate"] scale::quantize;
    "RMSNormalization" 23 ["axis" "epsilon" "stash_type"] norm::rms_normalization;
    "RNN" 22 ["activation_alpha" "activation_beta" "activations" "clip" "direction" "hidden_size" "layout"] recurrent::rnn;
    "Range" 27 ["stash_type"] constant::range;
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
    "ReverseSequence" 10 ["batch_axis" "time_axis"] index::reverse_sequence;
    "RotaryEmbedding" 23 ["interleaved" "num_heads" "rotary_embedding_dim"] attention::rotary;
    "Round" 22 [] e::round;
    "Scan" 25 ["body" "num_scan_inputs" "scan_input_axes" "scan_input_directions" "scan_output_axes" "scan_output_directions"] control::scan;
    "Scatter" 9 ["axis"] index::scatter_elements;
    "ScatterElements" 18 ["axis" "reduction"] index::scatter_elements;
    "ScatterND" 18 ["reduction"] index::scatter_nd;
    "Selu" 22 ["alpha" "gamma"] e::selu;
    "SequenceAt" 11 [] sequence::at;
    "SequenceConstruct" 11 [] sequence::construct;
    "SequenceEmpty" 11 ["dtype"] sequence::empty;
    "SequenceErase" 11 [] sequence::erase;
    "SequenceInsert" 11 [] sequence::insert;
    "SequenceLength" 11 [] sequence::length;
    "Shape" 25 ["start" "end"] constant::shape;
    "Shrink" 9 ["bias" "lambd"] e::shrink;
    "Sigmoid" 13 [] e::sigmoid;
    "Sign" 13 [] e::sign;
    "Sin" 22 [] e::sin;
    "Sinh" 22 [] e::sinh;
    "Size" 25 [] constant::size;
    "Slice" 13 ["axes" "ends" "starts"] index::slice;
    "Softmax" 13 ["axis"] norm::softmax;
    "Softplus" 22 [] e::softplus;
    "Softsign" 22 [] e::softsign;
    "SpaceToDepth" 13 ["blocksize"] layout::space_to_depth;
    "Split" 18 ["axis" "num_outputs" "split"] layout::split;
    "SplitToSequence" 24 ["axis" "keepdims"] sequence::split;
    "Sqrt" 13 [] e::sqrt;
    "Squeeze" 25 ["axes"] layout::squeeze;
    "Sub" 14 [] e::sub;
    "Sum" 13 [] e::sum;
    "Swish" 24 ["alpha"] e::swish;
    "Tan" 22 [] e::tan;
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

/// onnxruntime's domain `com.microsoft`, sorted by name.
#[rustfmt::skip]
static MICROSOFT: &[Rule] = rules! {
    "Attention" 1 ["do_rotary" "mask_filter_value" "num_heads" "past_present_share_buffer" "qkv_hidden_sizes" "rotary_embedding_dim" "scale" "unidirectional"] microsoft::attention;
    "BiasGelu" 1 [] microsoft::bias_gelu;
    "DequantizeLinear" 1 ["axis" "block_size"] scale::dequantize;
    "DynamicQuantizeMatMul" 1 [] quant::dynamic_quantize_matmul;
    "EmbedLayerNormalization" 1 ["epsilon" "mask_index_type"] microsoft::embed_layer_normalization;
    "FastGelu" 1 [] microsoft::fast_gelu;
    "FusedConv" 1 ["activation" "activation_params" "auto_pad" "dilations" "group" "kernel_shape" "pads" "strides"] microsoft::fused_conv;
    "FusedGemm" 1 ["activation" "activation_alpha" "activation_beta" "activation_gamma" "alpha" "beta" "transA" "transB"] microsoft::fused_gemm;
    "FusedMatMul" 1 ["alpha" "transA" "transB" "transBatchA" "transBatchB"] microsoft::fused_matmul;
    "Gelu" 1 [] e::gelu;
    "MatMulIntegerToFloat" 1 [] quant::matmul_integer_to_float;
    "MatMulNBits" 1 ["K" "N" "accuracy_level" "bits" "block_size"] nbits::matmul_nbits;
    "MultiHeadAttention" 1 ["mask_filter_value" "num_heads" "scale" "unidirectional"] microsoft::multi_head_attention;
    "QGemm" 1 ["alpha" "transA" "transB"] quant::qgemm;
    "QLinearAdd" 1 [] quant::qlinear_add;
    "QLinearAveragePool" 1 ["auto_pad" "ceil_mode" "channels_last" "count_include_pad" "kernel_shape" "pads" "strides"] quant::qlinear_average_pool;
    "QLinearConcat" 1 ["axis"] quant::qlinear_concat;
    "QLinearConv" 1 ["auto_pad" "channels_last" "dilations" "group" "kernel_shape" "pads" "strides"] quant::qlinear_conv;
    "QLinearGlobalAveragePool" 1 ["channels_last"] quant::qlinear_global_average_pool;
    "QLinearLeakyRelu" 1 ["alpha"] quant::qlinear_leaky_relu;
    "QLinearMul" 1 [] quant::qlinear_mul;
    "QLinearSigmoid" 1 [] quant::qlinear_sigmoid;
    "QLinearSoftmax" 1 ["axis" "opset"] quant::qlinear_softmax;
    "QuantizeLinear" 1 ["axis" "block_size"] scale::quantize;
    "QuickGelu" 1 ["alpha"] microsoft::quick_gelu;
    "SkipLayerNormalization" 1 ["epsilon"] microsoft::skip_layer_normalization;
};

/// ONNX's domain of classic models, sorted by name. What cannot be said in operators of the default domain is carried along, with its shapes.
#[rustfmt::skip]
static ML: &[Rule] = rules! {
    "ArrayFeatureExtractor" 1 [] ml::array_feature_extractor;
    "Binarizer" 1 ["threshold"] ml::binarizer;
    "FeatureVectorizer" 1 ["inputdimensions"] ml::feature_vectorizer;
    "Imputer" 1 ["imputed_value_floats" "imputed_value_int64s" "replaced_value_float" "replaced_value_int64"] ml::imputer;
    "LinearClassifier" 1 ["classlabels_ints" "classlabels_strings" "coefficients" "intercepts" "multi_class" "post_transform"] ml::linear_classifier;
    "LinearRegressor" 1 ["coefficients" "intercepts" "post_transform" "targets"] ml::linear_regressor;
    "Normalizer" 1 ["norm"] ml::normalizer;
    "OneHotEncoder" 1 ["cats_int64s" "cats_strings" "zeros"] ml::one_hot_encoder;
    "SVMClassifier" 1 ["classlabels_ints" "classlabels_strings" "coefficients" "kernel_params" "kernel_type" "post_transform" "prob_a" "prob_b" "rho" "support_vectors" "vectors_per_class"] ml::svm_classifier;
    "SVMRegressor" 1 ["coefficients" "kernel_params" "kernel_type" "n_supports" "one_class" "post_transform" "rho" "support_vectors"] ml::svm_regressor;
    "Scaler" 1 ["offset" "scale"] ml::scaler;
    "TreeEnsemble" 5 ["aggregate_function" "leaf_targetids" "leaf_weights" "membership_values" "n_targets" "nodes_falseleafs" "nodes_falsenodeids" "nodes_featureids" "nodes_hitrates" "nodes_missing_value_tracks_true" "nodes_modes" "nodes_splits" "nodes_trueleafs" "nodes_truenodeids" "post_transform" "tree_roots"] ml::tree_ensemble;
    "TreeEnsembleClassifier" 1 ["base_values" "base_values_as_tensor" "class_ids" "class_nodeids" "class_treeids" "class_weights" "class_weights_as_tensor" "classlabels_int64s" "classlabels_strings" "nodes_falsenodeids" "nodes_featureids" "nodes_hitrates" "nodes_hitrates_as_tensor" "nodes_missing_value_tracks_true" "nodes_modes" "nodes_nodeids" "nodes_treeids" "nodes_truenodeids" "nodes_values" "nodes_values_as_tensor" "post_transform"] ml::classifier;
    "TreeEnsembleRegressor" 1 ["aggregate_function" "base_values" "base_values_as_tensor" "n_targets" "nodes_falsenodeids" "nodes_featureids" "nodes_hitrates" "nodes_hitrates_as_tensor" "nodes_missing_value_tracks_true" "nodes_modes" "nodes_nodeids" "nodes_treeids" "nodes_truenodeids" "nodes_values" "nodes_values_as_tensor" "post_transform" "target_ids" "target_nodeids" "target_treeids" "target_weights" "target_weights_as_tensor"] ml::tree_regressor;
    "ZipMap" 1 ["classlabels_int64s" "classlabels_strings"] ml::zip_map;
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted() {
        assert!(RULES.is_sorted_by(|a, b| a.name < b.name));
        assert!(MICROSOFT.is_sorted_by(|a, b| a.name < b.name));
        assert!(ML.is_sorted_by(|a, b| a.name < b.name));
    }

    #[test]
    fn every_rule_reads_a_version_that_exists() {
        for rule in RULES {
            assert_eq!(crate::version::since(rule.name, rule.newest), Some(rule.newest), "{}", rule.name);
        }
    }
}
